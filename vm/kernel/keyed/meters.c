/* A program's meters as processes handle them, see meters.h. */
#include "vm/kernel/keyed/meters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Most bytes of a map of one value: pointers into it reach no further (the kernel's BPF_MAX_VAR_OFF). */
#define MAP_MOST (UINT64_C(1) << 29)

static uint64_t slots_of(const struct pbc_meter *m) { return m->per ? (uint64_t)keyed_groups(m->entries) * GROUP : 0; }

static uint64_t cells_of(const struct program *p) { return (uint64_t)p->meters_count << (p->would != NULL); }
/* Return the definition of a cell. */
static const struct pbc_meter *meter_of(const struct program *p, uint64_t cell)
{
    return &p->meters[cell < p->meters_count ? cell : cell - p->meters_count];
}

bool kernel_meters_layout(const struct program *p, uint32_t cpus, struct kernel_meters_layout *l)
{
    const uint64_t cells = cells_of(p);
    *l = (struct kernel_meters_layout){.cells = cells, .said = cpus * cells, .defs = p->meters_count};
    for (uint64_t i = 0; i < cells; i++) {
        const struct pbc_meter *m = meter_of(p, i);
        l->slots += slots_of(m);
        l->key_words += slots_of(m) * meter_key_words(m->per);
    }
    return l->cells * sizeof(struct kernel_meter) < MAP_MOST && l->said * sizeof(struct kernel_meter_said) < MAP_MOST &&
           l->key_words * sizeof(uint64_t) < MAP_MOST;
}

/* Return a number for the properties that remap.c compares: the definition; the name or, for a rule's log without a
 * name, its place; and whether the cell is for decisions without `audit`. */
static uint64_t identity_of(const struct program *p, const struct pbc_meter *m, bool would)
{
    struct {
        struct pbc_meter as_written;
        char text[256];
        uint64_t would;
    } said = {.as_written = *m, .would = would};
    uint8_t digest[PBC_DIGEST_LEN];
    uint64_t identity;
    const uint32_t text = m->name ? m->name : m->place.file;
    said.as_written.name = said.as_written.place.file = 0;
    if (m->name) said.as_written.place = (struct pbc_place){0};
    if (text) snprintf(said.text, sizeof said.text, "%s", program_str(p, text));
    pbc_digest(&said, sizeof said, digest);
    memcpy(&identity, digest, sizeof identity);
    return identity;
}

struct known {
    uint64_t identity;
    uint32_t meter;
};

static int known_order(const void *one, const void *other)
{
    const struct known *a = one, *b = other;
    if (a->identity != b->identity) return a->identity < b->identity ? -1 : 1;
    return a->meter < b->meter ? -1 : a->meter > b->meter;
}

/* Set the places' order by identity. False: out of memory. */
static bool sort(struct kernel_meter_place *places, uint32_t count)
{
    struct known *const all = calloc(count + (size_t)1, sizeof *all);
    if (!all) return false;
    for (uint32_t i = 0; i < count; i++) all[i] = (struct known){places[i].identity, i};
    qsort(all, count, sizeof *all, known_order);
    for (uint32_t i = 0; i < count; i++) places[i].in_order = all[i].meter;
    free(all);
    return true;
}

struct kernel_meter_place *kernel_meters_places(const struct program *p)
{
    const uint32_t cells = (uint32_t)cells_of(p);
    struct kernel_meter_place *const places = calloc(cells + (size_t)1, sizeof *places);
    uint64_t slot = 0, key = 0;
    for (uint32_t i = 0; i < cells && places; i++) {
        const struct pbc_meter *m = meter_of(p, i);
        const uint64_t slots = slots_of(m);
        places[i].identity = identity_of(p, m, i >= p->meters_count);
        if (!slots) continue;
        const uint32_t words = meter_key_words(m->per);
        places[i].first_slot = slot;
        places[i].first_key = key;
        places[i].groups = (uint32_t)(slots / GROUP);
        places[i].key_words = words;
        slot += slots;
        key += slots * words;
    }
    if (!places || sort(places, cells)) return places;
    free(places);
    return NULL;
}

void kernel_meters_fill(struct kernel_meters *m, const struct program *p, uint64_t seed)
{
    m->until_ns = 0;
    for (uint32_t i = 0; i < m->layout.cells; i++) {
        const struct kernel_meter_place *const at = &m->places[i];
        struct kernel_meter *const cell = &m->cells[i];
        meter_rate_init(&cell->rate, meter_of(p, i));
        if (!at->groups) continue;
        cell->table = (struct keyed){.groups = at->groups,
                                     .key_words = at->key_words,
                                     .entry_bytes = at->key_words * (uint32_t)sizeof(uint64_t),
                                     .first_slot = at->first_slot,
                                     .first_key = at->first_key};
        hash_key_init(&cell->table.hash, seed + i % m->layout.defs);
    }
}

static void meter_forget(struct kernel_meters *m, uint32_t i)
{
    struct kernel_meter *const cell = &m->cells[i];
    const uint64_t first = m->places[i].first_slot, slots = (uint64_t)m->places[i].groups * GROUP;
    memset(m->tags + first, 0, slots * sizeof *m->tags);
    memset(m->words + first, 0, slots * sizeof *m->words);
    cell->shared = cell->table.used = 0;
}

void kernel_meters_at(struct kernel_meters *m, uint64_t now_ns)
{
    if (now_ns < m->until_ns) return;
    m->until_ns = UINT64_MAX;
    for (uint32_t i = 0; i < m->layout.cells; i++) {
        struct kernel_meter *const cell = &m->cells[i];
        const bool over = now_ns > cell->base_ns && now_ns - cell->base_ns > cell->rate.lasts_ns;
        if (over && cell->started) meter_forget(m, i);
        if (over || !cell->started) cell->base_ns = now_ns;
        cell->started = 1;
        const uint64_t until = time_after(time_after(cell->base_ns, cell->rate.lasts_ns), 1);
        if (until < m->until_ns) m->until_ns = until;
    }
}

bool kernel_meters_held(const struct kernel_meters *m)
{
    bool held = false;
    for (uint32_t i = 0; i < m->layout.cells; i++) held |= m->cells[i].table.used != 0;
    return held;
}

static uint64_t read_word(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }

/* Copy a slot while others change it: its word must be the same before and after. False: the slot is free, or keeps
 * changing. */
static bool copy_slot(const struct kernel_meters *from, const struct kernel_meter_place *t, uint32_t slot,
                      uint16_t *tag, uint64_t *key, uint64_t *word)
{
    for (unsigned tries = 0; tries < 16; tries++) {
        const uint64_t before = read_word(&from->words[t->first_slot + slot]);
        if (before == 0 || before == UINT64_MAX) return false;
        *tag = __atomic_load_n(&from->tags[t->first_slot + slot], __ATOMIC_ACQUIRE);
        for (uint32_t i = 0; i < t->key_words; i++)
            key[i] = read_word(&from->keys[t->first_key + (uint64_t)slot * t->key_words + i]);
        *word = read_word(&from->words[t->first_slot + slot]);
        if (*word == before) return *tag != 0;
    }
    return false;
}

/* Raise the word to `least`, so that tokens taken from the other bucket count as taken here. A bucket equal to
 * `free` is unused. */
static void raise_to(uint64_t *word, uint64_t least, uint64_t free)
{
    uint64_t was = read_word(word);
    while (was < least && was != free)
        if (__atomic_compare_exchange_n(word, &was, least, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) return;
}

static void keep_table(struct kernel_meters *to, uint32_t i, const struct kernel_meters *from, uint32_t was)
{
    struct keyed *const t = &to->cells[i].table;
    const struct kernel_meter_place *const at = &to->places[i];
    t->hash = from->cells[was].table.hash;
    t->hand = from->cells[was].table.hand;
    t->used = 0;
    for (uint32_t slot = 0; slot < at->groups * GROUP; slot++) {
        uint16_t *const tag = &to->tags[at->first_slot + slot];
        uint64_t *const word = &to->words[at->first_slot + slot];
        uint64_t *const key = &to->keys[at->first_key + (uint64_t)slot * at->key_words];
        if (copy_slot(from, &from->places[was], slot, tag, key, word))
            t->used++;
        else
            *word = *tag = 0;
    }
}

/* Return the index, in the order by identity, of the first meter with that identity or a greater one. */
static uint32_t first_like(const struct kernel_meters *m, uint64_t identity)
{
    uint32_t lo = 0, hi = (uint32_t)m->layout.cells;
    while (lo < hi) {
        const uint32_t mid = lo + (hi - lo) / 2;
        if (m->places[m->places[mid].in_order].identity < identity)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Return the meter of `from` that equals meter i of `to`. If several are equal, take the first from number *next on,
 * else the first of all. PBC_NONE: the meter is new. */
static uint32_t number_before(const struct kernel_meters *from, const struct kernel_meters *to, uint32_t i,
                              uint32_t *next)
{
    const struct kernel_meter_place *const its = &to->places[i];
    uint32_t found = PBC_NONE;
    for (uint32_t n = first_like(from, its->identity); n < from->layout.cells; n++) {
        const uint32_t was = from->places[n].in_order;
        const struct kernel_meter_place *const there = &from->places[was];
        if (there->identity != its->identity) break;
        if (there->groups != its->groups || there->key_words != its->key_words) continue;
        if (found == PBC_NONE || (found < *next && was >= *next)) found = was;
    }
    if (found != PBC_NONE) *next = found + 1;
    return found;
}

void kernel_meters_keep(struct kernel_meters *to, const struct kernel_meters *from)
{
    for (uint32_t i = 0, next = 0; i < to->layout.cells; i++) {
        struct kernel_meter *const cell = &to->cells[i];
        const uint32_t was = number_before(from, to, i, &next);
        if (was == PBC_NONE) continue;
        const struct kernel_meter *const before = &from->cells[was];
        cell->base_ns = before->base_ns;
        cell->started = before->started;
        cell->shared = read_word(&before->shared);
        keep_table(to, i, from, was);
        for (uint32_t cpu = 0; cpu * to->layout.cells < to->layout.said; cpu++)
            to->said[cpu * to->layout.cells + i].counter = from->said[cpu * from->layout.cells + was].counter;
    }
    to->until_ns = 0;
}

static void follow_table(struct kernel_meters *to, const struct kernel_meter_place *at,
                         const struct kernel_meters *from, const struct kernel_meter_place *was)
{
    for (uint32_t slot = 0; slot < at->groups * GROUP; slot++) {
        uint64_t key[METER_FLOW_WORDS], word;
        uint16_t tag;
        const uint64_t *const own = &to->keys[at->first_key + (uint64_t)slot * at->key_words];
        if (!copy_slot(from, was, slot, &tag, key, &word) || tag != to->tags[at->first_slot + slot]) continue;
        if (!memcmp(own, key, at->key_words * sizeof *key)) raise_to(&to->words[at->first_slot + slot], word, 0);
    }
}

void kernel_meters_follow(struct kernel_meters *to, const struct kernel_meters *from)
{
    for (uint32_t i = 0, next = 0; i < to->layout.cells; i++) {
        const uint32_t was = number_before(from, to, i, &next);
        if (was == PBC_NONE) continue;
        raise_to(&to->cells[i].shared, from->cells[was].shared, UINT64_MAX);
        follow_table(to, &to->places[i], from, &from->places[was]);
    }
}

void kernel_meters_show(const struct kernel_meters *m, struct meters *to, bool would)
{
    const uint32_t first = would ? m->layout.defs : 0;
    for (uint32_t i = first; i < m->layout.cells && i < first + m->layout.defs; i++) {
        const struct kernel_meter *const cell = &m->cells[i];
        const struct meter_buckets there = {.base_ns = cell->base_ns,
                                            .shared = cell->shared,
                                            .table = &cell->table,
                                            .tags = m->tags + m->places[i].first_slot,
                                            .words = m->words + m->places[i].first_slot,
                                            .entries = m->keys + m->places[i].first_key};
        if (cell->shared || cell->table.used) meters_show(to, i - first, &there);
    }
}

void kernel_meters_set(struct kernel_meters *m, const struct meters *from)
{
    for (uint32_t i = 0; i < m->layout.defs; i++) {
        struct kernel_meter *const cell = &m->cells[i];
        const struct kernel_meter_place *const at = &m->places[i];
        const uint64_t slots = (uint64_t)at->groups * GROUP;
        struct meter_buckets there;
        meters_tell(from, i, &there);
        if (!there.base_ns) continue; /* the meter is unused */
        cell->base_ns = there.base_ns;
        cell->started = 1;
        cell->shared = there.shared;
        if (!there.table || there.table->groups != at->groups || there.table->key_words != at->key_words) continue;
        cell->table.hash = there.table->hash;
        cell->table.used = there.table->used;
        cell->table.hand = there.table->hand;
        memcpy(m->tags + at->first_slot, there.tags, slots * sizeof *m->tags);
        memcpy(m->words + at->first_slot, there.words, slots * sizeof *m->words);
        memcpy(m->keys + at->first_key, there.entries, slots * at->key_words * sizeof *m->keys);
    }
    m->until_ns = 0;
}

void kernel_meters_sum(const struct kernel_meters *m, struct meter_counter sums[])
{
    for (uint32_t i = 0; i < m->layout.cells; i++) {
        sums[i] = (struct meter_counter){0};
        for (uint64_t at = i; at < m->layout.said; at += m->layout.cells) {
            const struct meter_counter *const c = &m->said[at].counter;
            sums[i].within += c->within;
            sums[i].over += c->over;
            sums[i].overflowed += c->overflowed;
        }
    }
}
