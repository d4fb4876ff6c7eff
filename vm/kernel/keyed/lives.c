/* A program's live sets as the process that changes them lays them out, see lives.h. */
#include "vm/kernel/keyed/lives.h"

#include <errno.h>
#include <string.h>

#include "vm/kernel/events.h"

/* Most bytes of a map of one value: pointers into it reach no further (the kernel's BPF_MAX_VAR_OFF). */
#define MAP_MOST (UINT64_C(1) << 29)

/* Room of a base: for one IPv4 range per member of the set, with three more words each in its look-up table, or for
 * as many words of IPv6. Small sets have room for RANGES_LEAST ranges or, if there are many sets, for an equal share
 * of RANGES_SHARED. */
enum { KEY6 = 3, RANGE_WORDS = 4, RANGE6_WORDS = 4, HALVES = 2, RANGES_LEAST = 1 << 18, RANGES_SHARED = 1 << 21 };

static uint64_t half_words(const struct program *p, uint32_t live)
{
    const uint64_t share = RANGES_SHARED / p->lives_count, least = share < RANGES_LEAST ? share : RANGES_LEAST;
    const uint64_t ranges = p->lives[live].size > least ? p->lives[live].size : least;
    return (RANGE_WORDS * ranges + RANGE6_WORDS) / RANGE6_WORDS * RANGE6_WORDS;
}

static uint64_t slots_of(const struct pbc_live *l) { return live_slots(l->file ? 0 : l->size); }

uint32_t kernel_lives_layout(const struct program *p, struct kernel_lives_layout *l)
{
    *l = (struct kernel_lives_layout){.cells = p->lives_count};
    for (uint32_t i = 0; i < p->lives_count; i++) {
        const uint64_t slots = slots_of(&p->lives[i]);
        l->slots += 2 * slots;
        l->key_words += (1 + KEY6) * slots;
        l->range_words += HALVES * half_words(p, i);
        if (l->key_words * sizeof(uint64_t) >= MAP_MOST || l->range_words * sizeof(uint64_t) >= MAP_MOST) return i;
    }
    l->keys = l->key_words ? l->key_words - (KEY6 - 1) : 0;
    return PBC_NONE;
}

/* First entry of each array that no set has yet. */
struct place_next {
    uint64_t slot, key, range;
};

static void place_take(const struct kernel_lives *m, const struct program *p, uint32_t live, struct place_next *next,
                       struct live_memory *to)
{
    struct kernel_live *const cell = &m->cells[live];
    const uint64_t slots = slots_of(&p->lives[live]);
    cell->first_range = next->range;
    cell->half_words = half_words(p, live);
    *to =
        (struct live_memory){.ranges = m->ranges + next->range, .half_words = cell->half_words, .shown = &cell->shown};
    next->range += HALVES * cell->half_words;
    for (unsigned v6 = 0; v6 < 2; v6++) {
        cell->table[v6].first_slot = next->slot;
        cell->table[v6].first_key = next->key;
        cell->table[v6].groups = (uint32_t)(slots / GROUP);
        to->of[v6].tags = m->tags + next->slot;
        to->of[v6].words = m->words + next->slot;
        to->of[v6].keys = m->keys + next->key;
        next->slot += slots;
        next->key += slots * (v6 ? KEY6 : 1);
    }
}

static bool is_shared(const struct live_set *s, const struct lives *shared)
{
    bool is = false;
    for (uint32_t i = 0; shared && i < shared->count; i++) is |= lives_set(shared, i) == s;
    return is;
}

int kernel_lives_move(const struct kernel_lives *to, const struct program *p, struct lives *l, uint64_t seed,
                      const struct lives *shared)
{
    struct place_next next = {0};
    for (uint32_t i = 0; i < l->count; i++) {
        struct kernel_live *const cell = &to->cells[i];
        struct live_memory part;
        place_take(to, p, i, &next, &part);
        struct live_set *const fresh = lives_set_over(p, i, seed, &part), *const was = lives_set(l, i);
        if (!fresh) return -ENOMEM;
        for (unsigned v6 = 0; v6 < 2; v6++) cell->table[v6].hash = *live_hash(fresh, v6);
        const bool whole = live_copy(fresh, was, lives_now(l), true);
        lives_put(l, i, fresh);
        if (!is_shared(was, shared)) live_free(was);
        if (!whole && p->lives[i].file) return (int)i + 1;
    }
    return 0;
}
