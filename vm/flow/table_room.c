/* Who makes way: for a flow whose two groups are full, and where there are more half-open flows than allowed. */
#include "vm/flow/table_priv.h"

/* The first half-open slot of a group, from `from` (0 to 15) on; GROUP: none. */
static unsigned in_group(const struct flow_table *t, uint32_t group, unsigned from)
{
    uint32_t found = tags_of_class(table_group(t, group), FLOW_HALF_OPEN) & (0xffffu << from);
    return found ? tags_first(found) : GROUP;
}

/* The next bit that is set, at or after `from`, round the end; at least one is. */
static uint32_t next_bit(const uint64_t *words, uint32_t count, uint32_t from)
{
    uint32_t word = from / 64;
    uint64_t bits = words[word] & (UINT64_MAX << from % 64);
    while (!bits) {
        word = word + 1 < count ? word + 1 : 0;
        bits = words[word];
    }
    return word * 64 + (uint32_t)__builtin_ctzll(bits);
}

/* The next group with half-open flows, after `group`, round the end. */
static uint32_t next_group(const struct flow_table *t, uint32_t group)
{
    const uint32_t words = (t->groups + 63) / 64;
    uint32_t word = group / 64;
    uint64_t bits = group % 64 == 63 ? 0 : t->half_open[word] & (UINT64_MAX << (group % 64 + 1));
    if (!bits) {
        word = next_bit(t->half_open_words, (words + 63) / 64, word + 1 < words ? word + 1 : 0);
        bits = t->half_open[word];
    }
    return word * 64 + (uint32_t)__builtin_ctzll(bits);
}

/* The slot of a half-open flow, or of one's twin, that the hand meets next; there is one. */
static uint32_t meet(struct flow_table *t)
{
    uint32_t group = t->hand / GROUP;
    unsigned i = in_group(t, group, t->hand % GROUP);
    if (i == GROUP) {
        group = next_group(t, group);
        i = in_group(t, group, 0);
    }
    const uint32_t slot = group * GROUP + i;
    t->hand = slot + 1 < t->groups * GROUP ? slot + 1 : 0;
    return slot;
}

/* The hand passes all that it has met: who survives is met again a round later, when younger ones stand beside it. */
void table_yield_half_open(struct flow_table *t, uint64_t now_ns)
{
    uint32_t met[HALF_OPEN_FEW];
    unsigned count = 0;
    const uint64_t there = t->counters.live[FLOW_HALF_OPEN] + t->twins[FLOW_HALF_OPEN];
    for (unsigned i = 0; i < HALF_OPEN_FEW && i < there; i++) {
        met[count++] = meet(t);
        __builtin_prefetch(table_slot(t, met[i]));
    }
    if (!count) return;
    for (unsigned i = 0; i < count; i++) met[i] = table_owner(t, met[i]);
    uint32_t oldest = met[0];
    for (unsigned i = 1; i < count; i++)
        if (table_slot(t, met[i])->seen_ns < table_slot(t, oldest)->seen_ns) oldest = met[i];
    if (table_expired(t, table_slot(t, oldest), now_ns))
        table_expire(t, oldest, now_ns);
    else
        table_release(t, oldest, FLOW_END_HALF_OPEN_LIMIT, now_ns);
}

/* Release what has timed out in the two groups, but for `keep`; whether there was any. */
static bool expire_all(struct flow_table *t, const struct place *at, int32_t keep, uint64_t now_ns)
{
    bool any = false;
    for (unsigned i = 0; i < 2 * GROUP; i++) {
        const uint32_t slot = place_slot(at, i);
        if (!t->tags[slot] || (int32_t)slot == keep || !table_expired(t, table_slot(t, slot), now_ns)) continue;
        table_expire(t, slot, now_ns);
        any = true;
    }
    return any;
}

/* When a slot's flow was last seen. */
static uint64_t seen_ns(const struct flow_table *t, uint32_t slot)
{
    return table_slot(t, table_owner(t, slot))->seen_ns;
}

/* All 32 slots are read: which of them are over does not stand in the tags. That is the most that an addition reads. */
void table_make_room(struct flow_table *t, const struct place *at, int32_t keep, uint64_t now_ns)
{
    for (unsigned i = 0; i < 2 * GROUP; i++) __builtin_prefetch(table_slot(t, place_slot(at, i)));
    if (expire_all(t, at, keep, now_ns)) return;
    uint32_t victim = place_slot(at, (int32_t)place_slot(at, 0) == keep);
    for (unsigned i = 1; i < 2 * GROUP; i++) {
        const uint32_t slot = place_slot(at, i);
        if ((int32_t)slot == keep) continue;
        const enum flow_class class = tag_class(t->tags[slot]), least = tag_class(t->tags[victim]);
        if (class < least || (class == least && seen_ns(t, slot) < seen_ns(t, victim))) victim = slot;
    }
    table_release(t, victim, FLOW_END_EVICTED_HALF_OPEN + tag_class(t->tags[victim]), now_ns);
}
