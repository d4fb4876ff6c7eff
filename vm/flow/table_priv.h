/* The inside of the flow table: what its files share, and what its tests look at. */
#ifndef VM_FLOW_TABLE_PRIV_H
#define VM_FLOW_TABLE_PRIV_H

#include <string.h>

#include "vm/flow/table_struct.h"
#include "vm/keyed/tags.h"
#include "vm/packet/time.h"

/* Half-open flows of which the oldest makes way, when there are more than allowed. */
enum { HALF_OPEN_FEW = 8 };

/* The bit of a hash that says IPv6: it is also the tag's lowest, so that tags tell which slots have a second line. */
enum { HASH_IP6 = 1 };

#ifdef TABLE_ACCESS
#include TABLE_ACCESS
#else
#include "vm/flow/table_access.h"
#endif

static inline enum flow_class tag_class(uint16_t tag) { return (enum flow_class)(tag >> TAG_CLASS_AT); }

static inline bool tag_is_half_open(uint16_t tag) { return tag && tag_class(tag) == FLOW_HALF_OPEN; }

static inline uint32_t table_owner(const struct flow_table *t, uint32_t slot)
{
    return table_slot(t, slot)->flags & FLOW_TWIN ? (uint32_t)table_slot(t, slot)->flow : slot;
}

/* Of a flow, not of a twin. */
static inline uint64_t table_timeout(const struct flow_table *t, const struct flow *f)
{
    if (__builtin_expect(!(f->flags & FLOW_OWN_IDLE), 1)) return t->timeout_ns[TABLE_INDEX(f->state, FLOW_STATES)];
    const enum flow_class class = flow_state_class((enum flow_state)f->state);
    const bool own = class == FLOW_ESTABLISHED || (class == FLOW_ONE_WAY && f->flags & FLOW_IDLE_ONE_WAY);
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

/* Of an IPv4 tuple. */
static inline uint64_t table_hash4(const struct flow_table *t, uint32_t low, uint32_t high, uint64_t rest)
{
    struct hash_sum sum = {0, 0};
    hash_two(&sum, &t->key, 0, rest, hash_pair(low, high));
    return hash_close(&t->key, &sum) & ~(uint64_t)HASH_IP6;
}

static inline uint64_t table_hash(const struct flow_table *t, const struct flow_id *id)
{
    if (!(id->kind & FLOW_ID_IP6)) return table_hash4(t, id->low[0], id->high[0], id->rest);
    const struct hash_key *k = &t->key;
    struct hash_sum sum = {0, 0};
    hash_two(&sum, k, 0, id->rest, hash_pair(id->low[0], id->high[0]));
    hash_two(&sum, k, 2, hash_pair(id->low[1], id->high[1]), hash_pair(id->low[2], id->high[2]));
    hash_two(&sum, k, 4, hash_pair(id->low[3], id->high[3]), 0);
    return hash_close(k, &sum) | HASH_IP6;
}

/* Ask for the memory of a look-up (table.h). A macro: gcc takes a function that only prefetches for one without effect,
 * and drops the call. */
#define table_ask_tags(t, hash) __builtin_prefetch(table_group(t, place_first(hash, (t)->groups)))

static inline int32_t table_ask_slot(const struct flow_table *t, uint64_t hash)
{
    uint32_t group = place_first(hash, t->groups), hits = tags_like(table_group(t, group), place_tag(hash));
    if (!hits) {
        group = place_second(hash, t->groups, group);
        hits = tags_like(table_group(t, group), place_tag(hash));
        if (!hits) return FLOW_NONE;
    }
    const uint32_t slot = group * GROUP + tags_first(hits);
    __builtin_prefetch(table_slot(t, slot));
    if (hash & HASH_IP6) __builtin_prefetch(table_cold(t, slot));
    return (int32_t)slot;
}

/* The slot that a new flow of that hash would take now, its memory asked for; FLOW_NONE: another makes way for it. */
static inline int32_t table_ask_room(const struct flow_table *t, uint64_t hash)
{
    const struct place at = place_of(hash, t->groups);
    uint32_t left;
    const uint32_t group = place_choose_of(&at, table_group(t, at.group[0]), table_group(t, at.group[1]), &left);
    if (!left) return FLOW_NONE;
    const uint32_t slot = group * GROUP + tags_first(left);
    __builtin_prefetch(table_slot(t, slot), 1);
    return (int32_t)slot;
}

/* table.c: the addresses of an IPv6 tuple. Out of line: the registers it takes cost IPv4 more than the call costs it.
 */
bool table_is_of_ip6(const struct flow_table *t, int64_t slot, const struct flow_id *id);

/* Is the slot of that tuple? */
static inline bool table_is_of(const struct flow_table *t, int64_t slot, const struct flow_id *id)
{
    const struct flow *f = table_slot(t, slot);
    uint64_t rest;
    memcpy(&rest, &f->low_port, sizeof rest);
    if (rest != id->rest) return false;
    if (id->kind & FLOW_ID_IP6) return table_is_of_ip6(t, slot, id);
    return !((f->low ^ id->low[0]) | (f->high ^ id->high[0]));
}

/* Does the slot, which may be any or FLOW_NONE, hold that tuple, its time not over? */
static inline bool table_holds(const struct flow_table *t, int32_t slot, const struct flow_id *id, uint64_t now_ns)
{
    if (slot == FLOW_NONE) return false;
    const struct flow *f = table_slot(t, slot);
    return f->claim && table_is_of(t, slot, id) && !table_expired(t, f, now_ns);
}

/* Nobody has the slot any more, whatever was written to it before. */
static inline void table_unclaim(struct flow *f)
{
#ifdef __bpf__
    __sync_lock_test_and_set(&f->claim, 0); /* the kernel's machine knows no store that releases */
#else
    __atomic_store_n(&f->claim, 0, __ATOMIC_RELEASE);
#endif
}

/* flow_peek, whatever the time. */
int32_t table_look_up(const struct flow_table *t, const struct flow_id *id, uint64_t hash);
/* The parts of an addition. The claim word of a slot. */
uint64_t table_word(const struct flow_tuple *tuple, enum flow_state state, unsigned flags);
/* A free slot of its two groups for this tuple, filled in but for its tag, its lock had; -1: there is none. word: what
 * claims it. */
int64_t table_put(struct flow_table *t, const struct flow_tuple *tuple, uint64_t word, uint64_t now_ns);
/* Others find it from here on. */
void table_show(struct flow_table *t, uint32_t slot, const struct flow_tuple *tuple, enum flow_class class);
/* Slot `twin`, which was put for that tuple, is the flow's; others find it. */
void table_pair(struct flow_table *t, int32_t slot, uint32_t twin, const struct flow_tuple *tuple);
/* flow_add with flags besides; its lock is still had. FLOW_NONE: what would have to make way is not the caller's to
 * end, or somebody else changes it now; natively never. */
int32_t table_begin(struct flow_table *t, const struct flow_tuple *tuple, enum flow_state state, unsigned flags,
                    uint64_t now_ns);
/* Bring the bits of half-open flows in line with a group's tags; are there any? */
bool table_note_half_open(struct flow_table *t, uint32_t group);
/* A flow whose lock is had ends with it, and nobody is told. */
void table_release_held(struct flow_table *t, uint32_t slot, enum flow_end how);
/* Tell of the end, count it, free the flow's slot and its twin's; `slot` is either. False: it is not the caller's to
 * end, or somebody else changes it now; natively never. */
bool table_release(struct flow_table *t, uint32_t slot, enum flow_end how, uint64_t now_ns);
/* The same for one whose timeout has passed. */
bool table_expire(struct flow_table *t, uint32_t slot, uint64_t now_ns);
/* table_memory.c: an empty table gets room for so many groups. False, and it is as it was: there is no memory for that.
 */
bool table_resize(struct flow_table *t, uint32_t groups);
/* table_room.c: the slot of a half-open flow, or of one's twin, that the hand meets next; there is one. */
uint32_t table_meet(struct flow_table *t);
/* Let one of the half-open flows go, an old one. False: as table_release. */
bool table_yield_half_open(struct flow_table *t, uint64_t now_ns);
/* Free at least one slot of two full groups, not that of the flow `keep` (FLOW_NONE: no such flow). False: as
 * table_release. */
bool table_make_room(struct flow_table *t, const struct place *at, int32_t keep, uint64_t now_ns);

#endif
