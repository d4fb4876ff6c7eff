/* Eviction, when the two groups of a new flow are full, or too many flows are half-open */
#include "vm/flow/table/table_priv.h"
#include "vm/packet/loop.h"

/* Return the first half-open slot of a group, at or after `from` (0 to 15); GROUP: none. */
ALONE uint32_t table_half_open_in(const struct flow_table *t THERE, uint32_t group, uint32_t from)
{
    uint32_t found = tags_of_class(table_group(t, group), FLOW_HALF_OPEN) & (0xffffu << from % GROUP);
    return found ? tags_first(found) : GROUP;
}

/* Return the lowest bit set in bits that are not all 0. */
static uint32_t first_bit(uint64_t bits)
{
    return (uint32_t)bits ? tags_first((uint32_t)bits) : 32 + tags_first((uint32_t)(bits >> 32));
}

/* Words of level 1 in a table of 512 MB, the most that kernel programs can address */
enum { LEVEL1_MOST = (512 << 20) / sizeof(struct flow) / GROUP / 64 / 64 };

/* Return the next bit set in level 1, at or after `from`, going on at the beginning. At least one is set; if another
 * processor clears it meanwhile, the result may be any bit. */
TABLE_APART uint32_t table_next_bit(const struct flow_table *t TABLE_THERE, uint32_t count, uint32_t from)
{
    uint32_t word = from / 64;
    const uint64_t bits = *table_bits(t, 1, word) & (UINT64_MAX << from % 64);
    if (bits) return word * 64 + first_bit(bits);
    TURNS(LEVEL1_MOST + 1)
    for (uint32_t left = count; LOOP(left); left = LOOSE(left - 1)) {
        word = LOOSE(word + 1 < count ? word + 1 : 0);
        if (*table_bits(t, 1, word)) break;
    }
    return word * 64 + first_bit(*table_bits(t, 1, word));
}

/* Return the next group with half-open flows, after `group`, going on at the beginning. */
static uint32_t next_group(const struct flow_table *t, uint32_t group)
{
    const uint32_t words = (t->groups + 63) / 64;
    uint32_t word = group / 64;
    uint64_t bits = group % 64 == 63 ? 0 : *table_bits(t, 0, word) & (UINT64_MAX << (group % 64 + 1));
    if (!bits) {
        word = table_next_bit(t, (words + 63) / 64, word + 1 < words ? word + 1 : 0);
        bits = *table_bits(t, 0, word);
    }
    return word * 64 + first_bit(bits);
}

TABLE_ALONE uint32_t table_meet(struct flow_table *t TABLE_THERE)
{
    uint32_t group = table_common(t)->hand / GROUP;
    unsigned i = table_half_open_in(t, group, table_common(t)->hand % GROUP);
    if (i == GROUP) {
        group = next_group(t, group);
        i = table_half_open_in(t, group, 0);
    }
    const uint32_t slot = group * GROUP + i;
    table_common(t)->hand = slot + 1 < t->groups * GROUP ? slot + 1 : 0;
    return slot;
}

/* Return the flow that was seen less recently: `flow` (FLOW_NONE: none), or that of slot `at` if it is still half
 * open. */
TABLE_APART int64_t table_older(const struct flow_table *t TABLE_THERE, int64_t flow, uint32_t at)
{
    if (TABLE_SHARED && !tag_is_half_open(*table_tag(t, at))) return flow;
    const uint32_t slot = table_owner(t, at);
    const bool older = flow == FLOW_NONE || table_slot(t, slot)->seen_ns < table_slot(t, flow)->seen_ns;
    return older ? (int64_t)slot : flow;
}

/* Return the oldest of the next few half-open flows at the hand; FLOW_NONE: none. */
TABLE_APART int64_t oldest_met(struct flow_table *t TABLE_THERE)
{
    uint32_t met[HALF_OPEN_FEW];
    const uint64_t there = table_common(t)->counters.live[FLOW_HALF_OPEN] + table_common(t)->twins[FLOW_HALF_OPEN];
    const unsigned count = LOOSE(there < HALF_OPEN_FEW ? (unsigned)there : HALF_OPEN_FEW);
    for (unsigned i = 0; i < HALF_OPEN_FEW; i++) met[i] = LOOSE(0u);
    TURNS(HALF_OPEN_FEW)
    for (unsigned i = LOOSE(0u); LOOP(i < count); i = LOOSE(i + 1)) {
        met[i % HALF_OPEN_FEW] = table_meet(t);
        if (!TABLE_SHARED) __builtin_prefetch(table_slot(t, met[i % HALF_OPEN_FEW]));
    }
    int64_t oldest = LOOSE((int64_t)FLOW_NONE);
    TURNS(HALF_OPEN_FEW)
    for (unsigned i = LOOSE(0u); LOOP(i < count); i = LOOSE(i + 1))
        oldest = LOOSE(table_older(t, oldest, met[i % HALF_OPEN_FEW]));
    return oldest;
}

/* The hand passes all flows that it met: survivors are met again a round later, next to younger ones. */
TABLE_ALONE bool table_yield_half_open(struct flow_table *t TABLE_THERE, uint64_t now_ns)
{
    const uint32_t hand = table_common(t)->hand;
    const int64_t oldest = oldest_met(t);
    if (oldest == FLOW_NONE) return true;
    const bool over = table_expired(t, table_slot(t, oldest), now_ns);
    if (over ? table_expire(t, (uint32_t)oldest, now_ns)
             : table_release(t, (uint32_t)oldest, FLOW_END_HALF_OPEN_LIMIT, now_ns))
        return true;
    table_common(t)->hand = hand;
    return false;
}

static uint32_t room_slot(const struct place *at, unsigned i)
{
    return place_slot(at, (unsigned)TABLE_INDEX(i, 2 * GROUP));
}

/* Release that slot's flow if it has expired and is not `keep`. */
TABLE_APART bool table_expire_slot(struct flow_table *t TABLE_THERE, uint32_t slot, int32_t keep, uint64_t now_ns)
{
    if (!*table_tag(t, slot) || (int32_t)slot == keep || !table_expired(t, table_slot(t, slot), now_ns)) return false;
    return table_expire(t, slot, now_ns);
}

/* Release the expired flows in the two groups, except `keep`. True if there were any. */
static bool expire_all(struct flow_table *t, const struct place *at, int32_t keep, uint64_t now_ns)
{
    uint32_t any = LOOSE(0u); /* not a bool, because clang would compare it again */
    TURNS(2 * GROUP)
    for (unsigned i = LOOSE(0u); LOOP(i < 2 * GROUP); i = LOOSE(i + 1))
        any = LOOSE(any | table_expire_slot(t, room_slot(at, i), keep, now_ns));
    return any;
}

/* Return when a slot's flow was last seen. */
static uint64_t seen_ns(const struct flow_table *t, uint32_t slot)
{
    return table_slot(t, table_owner(t, slot))->seen_ns;
}

/* True if `slot` makes way before `other`: its class is lower, or equal and it was seen less recently. */
TABLE_APART bool table_is_before(const struct flow_table *t TABLE_THERE, uint32_t slot, uint32_t other)
{
    const enum flow_class class = tag_class(*table_tag(t, slot)), its = tag_class(*table_tag(t, other));
    return class < its || (class == its && seen_ns(t, slot) < seen_ns(t, other));
}

/* Reads all 32 slots, because tags don't show which flows have expired. No part of an addition reads more. */
TABLE_ALONE bool table_make_room(struct flow_table *t TABLE_THERE, const struct place *at TABLE_THERE, int32_t keep,
                                 uint64_t now_ns)
{
    for (unsigned i = 0; !TABLE_SHARED && i < 2 * GROUP; i++) __builtin_prefetch(table_slot(t, place_slot(at, i)));
    if (expire_all(t, at, keep, now_ns)) return true;
    uint32_t victim = place_slot(at, (int32_t)place_slot(at, 0) == keep);
    TURNS(2 * GROUP)
    for (unsigned i = LOOSE(1u); LOOP(i < 2 * GROUP); i = LOOSE(i + 1)) {
        const uint32_t slot = room_slot(at, i);
        if ((int32_t)slot != keep && table_is_before(t, slot, victim)) victim = LOOSE(slot);
    }
    return table_release(t, victim, FLOW_END_EVICTED_HALF_OPEN + tag_class(*table_tag(t, victim)), now_ns);
}
