/* Look-ups in the flow table, inline: groups of a tuple, owner of a slot, expiry */
#pragma once

#include <string.h>

#include "vm/flow/table/struct.h"
#include "vm/keyed/tags.h"
#include "vm/packet/pkt.h"

/* Bit of a hash that is set for IPv6. It is also the tag's lowest bit, so tags show which slots have a second line. */
enum { HASH_IP6 = 1 };

#ifdef TABLE_ACCESS
#include TABLE_ACCESS
#else
#include "vm/flow/table/access.h"
#endif

static inline enum flow_class tag_class(uint16_t tag) { return (enum flow_class)(tag >> TAG_CLASS_AT); }

static inline bool tag_is_half_open(uint16_t tag) { return tag && tag_class(tag) == FLOW_HALF_OPEN; }

static inline uint32_t table_owner(const struct flow_table *t, uint32_t slot)
{
    return table_slot(t, slot)->flags & FLOW_TWIN ? (uint32_t)table_slot(t, slot)->flow : slot;
}

/* Return the timeout of a flow; not for twins. */
static inline uint64_t table_timeout(const struct flow_table *t, const struct flow *f)
{
    if (__builtin_expect(!(f->flags & FLOW_OWN_IDLE), 1)) return t->timeout_ns[TABLE_INDEX(f->state, FLOW_STATES)];
    const enum flow_class class = flow_state_class((enum flow_state)f->state);
    const bool own = flow_class_is_open(class) || (class == FLOW_ONE_WAY && f->flags & FLOW_IDLE_ONE_WAY);
    return own ? table_cold_of(t, f)->idle_ns : t->timeout_ns[TABLE_INDEX(f->state, FLOW_STATES)];
}

static inline uint64_t table_deadline(const struct flow_table *t, const struct flow *f)
{
    if (__builtin_expect(f->flags & FLOW_TWIN, 0)) f = table_slot(t, f->flow);
    return time_after(f->seen_ns, table_timeout(t, f));
}
static inline bool table_expired(const struct flow_table *t, const struct flow *f, uint64_t now_ns)
{
    return now_ns >= table_deadline(t, f);
}

/* Hash an IPv4 tuple. */
static inline uint64_t table_hash4(const struct flow_table *t, uint32_t low, uint32_t high, uint64_t rest)
{
    struct hash_sum sum = {0, 0};
    hash_two(&sum, &t->key, 0, rest, hash_pair(low, high));
    return hash_close(&t->key, &sum) & ~(uint64_t)HASH_IP6;
}

/* Hash an IPv6 tuple. */
static inline uint64_t table_hash6(const struct flow_table *t, const struct flow_id *id)
{
    const struct hash_key *k = &t->key;
    struct hash_sum sum = {0, 0};
    hash_two(&sum, k, 0, id->rest, hash_pair(id->low[0], id->high[0]));
    hash_two(&sum, k, 2, hash_pair(id->low[1], id->high[1]), hash_pair(id->low[2], id->high[2]));
    hash_two(&sum, k, 4, hash_pair(id->low[3], id->high[3]), 0);
    return hash_close(k, &sum) | HASH_IP6;
}

static inline uint64_t table_hash(const struct flow_table *t, const struct flow_id *id)
{
    if (!(id->kind & FLOW_ID_IP6)) return table_hash4(t, id->low[0], id->high[0], id->rest);
    return table_hash6(t, id);
}

/* The places of a tuple: its two groups among those that are not near, and its near group. A large table has a few
 * near groups, which are filled first, so the tags and lines of a few flows are in few pages. */
static inline struct place table_place(const struct flow_table *t, uint64_t hash)
{
    return place_of(hash, t->groups - t->near);
}
static inline uint32_t table_near(const struct flow_table *t, uint32_t first)
{
    return t->groups - t->near + (first & (t->near - 1));
}
/* Return the group in which a look-up begins. */
static inline uint32_t table_first(const struct flow_table *t, uint64_t hash)
{
    const uint32_t first = place_first(hash, t->groups - t->near);
    return t->near ? table_near(t, first) : first;
}

/* Prefetch the memory of a look-up (flow_table.h). A macro: gcc treats a function that only prefetches as having no
 * effect, and drops the call. */
#define table_ask_tags(t, hash)                                                                                        \
    do {                                                                                                               \
        const uint32_t group_ = place_first(hash, (t)->groups - (t)->near), near_ = table_near(t, group_);             \
        __builtin_prefetch(table_group(t, group_));                                                                    \
        table_ask_blocks(t, group_);                                                                                   \
        if ((t)->near) __builtin_prefetch(table_group(t, near_));                                                      \
        if ((t)->near) table_ask_blocks(t, near_);                                                                     \
    } while (0)

/* Return a slot whose tag matches that hash, in the first group that has one; else FLOW_NONE. */
static inline int32_t table_slot_like(const struct flow_table *t, uint64_t hash)
{
    const uint32_t far = t->groups - t->near, first = place_first(hash, far);
    uint32_t group = table_first(t, hash);
    table_ask_pages(t, group);
    unsigned i = tags_find(table_group(t, group), place_tag(hash));
    if (i == GROUP && t->near) {
        group = first;
        table_ask_pages(t, group);
        i = tags_find(table_group(t, group), place_tag(hash));
    }
    if (i == GROUP) {
        group = place_second(hash, far, first);
        i = tags_find(table_group(t, group), place_tag(hash));
    }
    return i == GROUP ? FLOW_NONE : (int32_t)(group * GROUP + i);
}

static inline int32_t table_ask_slot(const struct flow_table *t, uint64_t hash)
{
    const int32_t slot = table_slot_like(t, hash);
    if (slot == FLOW_NONE) return slot;
    __builtin_prefetch(table_slot(t, slot));
    if (hash & HASH_IP6) __builtin_prefetch(table_cold(t, slot));
    return slot;
}

/* Return the slot that a new flow with that hash would take now, and prefetch it; FLOW_NONE: another flow must make
 * way. */
static inline int32_t table_ask_room(const struct flow_table *t, uint64_t hash)
{
    const struct place at = table_place(t, hash);
    uint32_t group = table_near(t, at.group[0]), left = t->near ? tags_free(table_group(t, group)) : 0;
    if (!left) group = place_choose_of(&at, table_group(t, at.group[0]), table_group(t, at.group[1]), &left);
    if (!left) return FLOW_NONE;
    const uint32_t slot = group * GROUP + tags_first(left);
    table_ask_free(t, slot);
    return (int32_t)slot;
}

/* True if the slot has the addresses of that IPv6 tuple. */
static inline bool table_has_ip6(const struct flow_table *t, int64_t slot, const struct flow_id *id)
{
    typedef uint64_t __attribute__((may_alias)) two_words;
    const struct flow *f = table_slot(t, slot);
    const struct flow_cold *c = table_cold(t, slot);
    const two_words *low = (const two_words *)id->low, *high = (const two_words *)id->high;
    const two_words *cold_low = (const two_words *)c->low, *cold_high = (const two_words *)c->high;
    uint64_t differ = (f->low ^ id->low[3]) | (f->high ^ id->high[3]);
    for (unsigned i = 0; i < 2; i++) differ |= (cold_low[i] ^ low[i]) | (cold_high[i] ^ high[i]);
    return !differ;
}
/* flow_table.c: the same, out of line, because its registers would cost IPv4 more than the call. */
bool table_is_of_ip6(const struct flow_table *t, int64_t slot, const struct flow_id *id);

/* Return ports, protocol, kind and VLAN stack, as in an id. */
static inline uint64_t table_rest(const struct flow *f)
{
    uint64_t rest;
    memcpy(&rest, &f->low_port, sizeof rest);
    return rest;
}

/* True if the line has that IPv4 tuple. */
static inline bool table_is_of_ip4(const struct flow *f, const struct flow_id *id)
{
    return !((table_rest(f) ^ id->rest) | (f->low ^ id->low[0]) | (f->high ^ id->high[0]));
}

/* True if the slot has that tuple. */
static inline bool table_is_of(const struct flow_table *t, int64_t slot, const struct flow_id *id)
{
    const struct flow *f = table_slot(t, slot);
    if (table_rest(f) != id->rest) return false;
    if (id->kind & FLOW_ID_IP6) return table_is_of_ip6(t, slot, id);
    return !((f->low ^ id->low[0]) | (f->high ^ id->high[0]));
}

/* True if the slot, which may be any or FLOW_NONE, holds that tuple and has not expired. */
static inline bool table_holds(const struct flow_table *t, int32_t slot, const struct flow_id *id, uint64_t now_ns)
{
    if (slot == FLOW_NONE) return false;
    const struct flow *f = table_slot(t, slot);
    return f->taken && table_is_of(t, slot, id) && !table_expired(t, f, now_ns);
}
