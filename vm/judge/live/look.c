/* Looks at a live set: they take no lock, and changes under way do them no harm. */
#include "vm/judge/live/live_priv.h"

/* A look is one function without a call: a length costs 9 ns, but 12 with calls. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Return the range of the base that holds the address; NULL: none. */
ALWAYS_INLINE const struct pbc_range *base_range4(const struct live_block *b, uint32_t addr)
{
    if (!b->node4) return search4(b->ranges.r4, b->ranges.count4, addr);
    const uint32_t few = walk4(b->lookup, b->node4, addr);
    return search4(b->ranges.r4 + few_first(few), few_count(few), addr);
}

ALWAYS_INLINE const struct pbc_range6 *base_range6(const struct live_block *b, const struct wide *addr)
{
    if (!b->node6) return search6(b->ranges.r6, b->ranges.count6, addr);
    const uint32_t few = walk6(b->lookup, b->node6, addr);
    return search6(b->ranges.r6 + few_first(few), few_count(few), addr);
}

/* Return the word of that key; 0: it is not there. */
ALWAYS_INLINE uint64_t key_word(const struct keyed *t, unsigned words, const struct live_key *key)
{
    uint32_t slot;
    const struct place at = place_of(hash_words(&t->hash, key->word, words), t->groups);
    return overlay_find(t, words, &at, key, &slot);
}

ALWAYS_INLINE bool overlay_has4(const struct overlay *o, uint64_t now_ms, uint32_t addr)
{
    for (uint64_t lengths = live_load(&o->lengths); lengths; lengths >>= 8) {
        const struct live_key key = live_key4(addr, first_length(lengths));
        if (word_end(key_word(&o->table, KEY4_WORDS, &key)) > now_ms) return true;
    }
    return false;
}

static bool live_has4(const struct live_set *s, uint64_t now_ms, uint32_t addr)
{
    const struct live_block *b;
    do {
        b = base_in_force(s);
        if (b && base_range4(b, addr)) return true;
        if (overlay_has4(&s->overlay[0], now_ms, addr)) return true;
    } while (base_in_force(s) != b); /* members that left the overlay meanwhile may be in another base */
    return false;
}

ALWAYS_INLINE bool overlay_has6(const struct overlay *o, uint64_t now_ms, const struct wide *addr)
{
    for (uint64_t lengths = live_load(&o->lengths); lengths; lengths >>= 8) {
        const struct live_key key = live_key6(addr, first_length(lengths));
        if (word_end(key_word(&o->table, KEY6_WORDS, &key)) > now_ms) return true;
    }
    return false;
}

static bool live_has6(const struct live_set *s, uint64_t now_ms, const struct wide *addr)
{
    const struct live_block *b;
    do {
        b = base_in_force(s);
        if (b && base_range6(b, addr)) return true;
        if (overlay_has6(&s->overlay[1], now_ms, addr)) return true;
    } while (base_in_force(s) != b); /* members that left the overlay meanwhile may be in another base */
    return false;
}

bool live_has(const struct live_set *s, uint64_t now_ms, const uint32_t addr[4], bool v6)
{
    struct wide wide;
    if (!v6) return live_has4(s, now_ms, addr[0]);
    wide_of(addr, &wide);
    return live_has6(s, now_ms, &wide);
}

/* Find the key, of either family. Return its end; 0: none, or it has expired. */
static uint64_t member_end(const struct overlay *o, uint64_t now_ms, const struct live_key *key)
{
    const uint64_t end = word_end(key_word(&o->table, o->table.key_words, key));
    return end > now_ms ? end : 0;
}

bool live_find(const struct live_set *s, uint64_t now_ms, const struct live_net *net, uint64_t *end_ms)
{
    const struct live_key key = live_key_of(net->addr, net->v6, net->len);
    *end_ms = member_end(&s->overlay[net->v6], now_ms, &key);
    return *end_ms != 0;
}

static bool base_why(const struct live_block *b, const uint32_t addr[4], bool v6, struct live_why *why)
{
    *why = (struct live_why){.net.v6 = v6, .end_ms = LIVE_FOREVER, .base = true};
    if (!v6) {
        const struct pbc_range *const r = base_range4(b, addr[0]);
        if (!r) return false;
        why->lo[0] = r->lo;
        why->hi[0] = r->hi;
        return true;
    }
    struct wide wide;
    wide_of(addr, &wide);
    const struct pbc_range6 *const r = base_range6(b, &wide);
    if (!r) return false;
    const uint64_t ends[] = {r->lo_hi, r->lo_lo, r->hi_hi, r->hi_lo};
    for (unsigned i = 0; i < 4; i++) {
        why->lo[i] = (uint32_t)(ends[i / 2] >> (i % 2 ? 0 : 32));
        why->hi[i] = (uint32_t)(ends[2 + i / 2] >> (i % 2 ? 0 : 32));
    }
    return true;
}

bool live_why(const struct live_set *s, uint64_t now_ms, const uint32_t addr[4], bool v6, struct live_why *why)
{
    const struct live_block *const b = base_in_force(s);
    if (b && base_why(b, addr, v6, why)) return true;
    const struct overlay *const o = &s->overlay[v6];
    *why = (struct live_why){.net.v6 = v6};
    for (uint64_t lengths = live_load(&o->lengths); lengths; lengths >>= 8) {
        const struct live_key key = live_key_of(addr, v6, first_length(lengths));
        const uint64_t end = member_end(o, now_ms, &key);
        if (end <= why->end_ms) continue;
        why->end_ms = end;
        why->net = live_net_of(&key, v6);
    }
    return why->end_ms != 0;
}

/* Read the slot's member. False: it holds none. */
static bool entry_read(const struct keyed *t, uint32_t slot, bool v6, struct live_entry *out)
{
    struct live_key key;
    if (!__atomic_load_n(&t->tags[slot], __ATOMIC_ACQUIRE)) return false;
    for (uint64_t word = live_load(KEYED_WORD(t, slot)), again; word_held(word); word = again) {
        overlay_key(t, slot, &key);
        again = live_load(KEYED_WORD(t, slot));
        if (again != word) continue;
        *out = (struct live_entry){live_net_of(&key, v6), word_end(word)};
        return true;
    }
    return false;
}

unsigned live_list(const struct live_set *s, uint64_t now_ms, uint64_t *at, struct live_entry *out, unsigned most)
{
    const uint64_t slots4 = (uint64_t)s->overlay[0].table.groups * GROUP;
    const uint64_t slots = slots4 + (uint64_t)s->overlay[1].table.groups * GROUP;
    unsigned count = 0;
    for (; *at < slots && count < most; ++*at) {
        const bool v6 = *at >= slots4;
        const uint32_t slot = (uint32_t)(v6 ? *at - slots4 : *at);
        count += entry_read(&s->overlay[v6].table, slot, v6, &out[count]) && out[count].end_ms > now_ms;
    }
    return count;
}
