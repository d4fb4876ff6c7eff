/* Changes of an overlay's slots and of its prefix lengths, see live_priv.h */
#include <sched.h>

#include "vm/judge/live/live_priv.h"

enum { SPINS = 64, PUT_TRIES = 64 };

void live_lock(uint32_t *lock)
{
    for (unsigned tries = 1; __atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE); tries++)
        if (tries % SPINS == 0) sched_yield();
}

void live_unlock(uint32_t *lock) { __atomic_store_n(lock, 0, __ATOMIC_RELEASE); }

/* Tables of groups have 3/2 slots per key of `most`; an overlay has 4/3 slots per member. */
static uint64_t keys_for(uint64_t size) { return (size * 8 + 8) / 9; }

uint64_t live_slots(uint64_t size) { return (uint64_t)keyed_groups(keys_for(size)) * GROUP; }

bool overlay_init(struct overlay *o, const struct live_cfg *cfg, bool v6, const struct live_memory *memory)
{
    const uint32_t words = v6 ? KEY6_WORDS : KEY4_WORDS;
    const struct keyed_cfg table = {.most = keys_for(cfg->size),
                                    .key_words = words,
                                    .entry_bytes = words * (uint32_t)sizeof(hash_word),
                                    .seed = cfg->seed + v6};
    if (!memory) return keyed_init(&o->table, &table);
    keyed_over(&o->table, &table, memory->of[v6].tags, memory->of[v6].words, memory->of[v6].keys);
    o->shown = &memory->shown->lengths[v6];
    return true;
}

/* ---- lengths ---- */

/* Return the lengths with that one at its place; there are fewer than eight. */
static uint64_t lengths_with(uint64_t lengths, unsigned len)
{
    unsigned at = 0;
    while ((lengths >> at & 0xff) > len + 1) at += 8;
    const uint64_t before = (UINT64_C(1) << at) - 1;
    return (lengths & before) | (uint64_t)(len + 1) << at | (lengths & ~before) << 8;
}

static uint64_t lengths_without(uint64_t lengths, unsigned len)
{
    unsigned at = 0;
    while ((lengths >> at & 0xff) != len + 1) at += 8;
    const uint64_t before = (UINT64_C(1) << at) - 1;
    return (lengths & before) | (lengths >> 8 & ~before);
}

static void lengths_put(struct overlay *o, uint64_t lengths)
{
    __atomic_store_n(&o->lengths, lengths, __ATOMIC_RELEASE);
    if (o->shown) __atomic_store_n(o->shown, lengths, __ATOMIC_RELEASE);
}

bool length_take(struct overlay *o, unsigned len)
{
    uint32_t *const count = &o->of_length[len];
    uint32_t was = __atomic_load_n(count, __ATOMIC_ACQUIRE);
    while (was)
        if (__atomic_compare_exchange_n(count, &was, was + 1, true, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) return true;
    live_lock(&o->lengths_lock);
    const uint64_t lengths = live_load(&o->lengths);
    const bool there = __atomic_load_n(count, __ATOMIC_ACQUIRE),
               takes = there || !(lengths >> 8 * (LIVE_LENGTHS_MOST - 1));
    if (takes) {
        if (!there) lengths_put(o, lengths_with(lengths, len));
        __atomic_fetch_add(count, 1, __ATOMIC_ACQ_REL);
    }
    live_unlock(&o->lengths_lock);
    return takes;
}

void length_drop(struct overlay *o, unsigned len)
{
    uint32_t *const count = &o->of_length[len];
    uint32_t was = __atomic_load_n(count, __ATOMIC_ACQUIRE);
    while (was > 1)
        if (__atomic_compare_exchange_n(count, &was, was - 1, true, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) return;
    live_lock(&o->lengths_lock);
    if (__atomic_sub_fetch(count, 1, __ATOMIC_ACQ_REL) == 0)
        lengths_put(o, lengths_without(live_load(&o->lengths), len));
    live_unlock(&o->lengths_lock);
}

/* ---- slots ---- */

static hash_word *key_at(const struct overlay *o, uint32_t slot) { return keyed_at(&o->table, slot); }

/* Write tag and key into a slot that this thread owns, then its word. */
static void slot_fill(struct overlay *o, uint32_t slot, uint16_t tag, const struct live_key *key, uint64_t word)
{
    hash_word *const held = key_at(o, slot);
    for (unsigned i = 0; i < o->table.key_words; i++) __atomic_store_n(&held[i], key->word[i], __ATOMIC_RELEASE);
    __atomic_store_n(&o->table.tags[slot], tag, __ATOMIC_RELEASE);
    __atomic_store_n(KEYED_WORD(&o->table, slot), word, __ATOMIC_RELEASE);
}

/* A slot whose tag was free may belong to another thread by now, so a try may get none of the slots that it saw. */
bool overlay_put(struct overlay *o, const struct place *at, const struct live_key *key, uint64_t word)
{
    for (unsigned tries = 0; tries < PUT_TRIES; tries++) {
        tags_word first[GROUP / 4], second[GROUP / 4];
        uint32_t left;
        overlay_tags(&o->table, at->group[0], first);
        overlay_tags(&o->table, at->group[1], second);
        const uint32_t group = place_choose_of(at, (const uint16_t *)first, (const uint16_t *)second, &left);
        if (!left) return false;
        TAGS_EACH(left)
        {
            const uint32_t slot = group * GROUP + tags_first(left);
            if (!word_swap(KEYED_WORD(&o->table, slot), 0, WORD_BORN)) continue;
            slot_fill(o, slot, at->tag, key, word);
            return true;
        }
    }
    return false;
}

/* The slot is owned until its tag is gone, because a thread that took it earlier would lose its own tag. */
bool overlay_free(struct overlay *o, uint32_t slot, uint64_t word)
{
    struct live_key key;
    if (!word_swap(KEYED_WORD(&o->table, slot), word, WORD_BORN)) return false;
    overlay_key(&o->table, slot, &key);
    __atomic_store_n(&o->table.tags[slot], 0, __ATOMIC_RELEASE);
    __atomic_store_n(KEYED_WORD(&o->table, slot), 0, __ATOMIC_RELEASE);
    length_drop(o, live_key_len(&key, o->table.key_words == KEY6_WORDS));
    return true;
}

unsigned overlay_expire(struct overlay *o, uint32_t group, uint64_t now_ms)
{
    tags_word tags[GROUP / 4];
    unsigned freed = 0;
    overlay_tags(&o->table, group, tags);
    uint32_t taken = tags_taken((const uint16_t *)tags);
    TAGS_EACH(taken)
    {
        const uint32_t slot = group * GROUP + tags_first(taken);
        const uint64_t word = live_load(KEYED_WORD(&o->table, slot));
        freed += word_held(word) && word_end(word) <= now_ms && overlay_free(o, slot, word);
    }
    return freed;
}

uint64_t overlay_soonest(const struct overlay *o, const struct place *at, uint32_t *slot)
{
    uint64_t soonest = WORD_BORN;
    for (unsigned i = 0; i < 2 * GROUP; i++) {
        const uint64_t word = live_load(KEYED_WORD(&o->table, place_slot(at, i)));
        if (!word_held(word) || word >= soonest) continue;
        soonest = word;
        *slot = place_slot(at, i);
    }
    return word_end(soonest) < LIVE_FOREVER ? soonest : 0;
}
