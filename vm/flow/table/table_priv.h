/* The inside of the flow table: what its files share, and what its tests look at. */
#pragma once

#include "vm/flow/table/lookup.h"

/* Half-open flows of which the oldest makes way, when there are more than allowed. */
enum { HALF_OPEN_FEW = 8 };

/* Who walks the table asks for the memory of flows so many groups ahead, for they lie far apart. whole: of all their
 * lines, not the first alone. Inlined, for gcc takes a function that only prefetches for one without effect, and drops
 * the call. */
enum { TABLE_AHEAD = 8 };
static inline __attribute__((always_inline)) void table_ask_group(const struct flow_table *t, uint32_t group,
                                                                  bool whole)
{
    uint32_t taken = group < t->groups ? tags_taken(table_group(t, group)) : 0;
    TAGS_EACH(taken)
    {
        const uint32_t slot = group * GROUP + tags_first(taken);
        __builtin_prefetch(table_slot(t, slot));
        if (whole) __builtin_prefetch(table_cold(t, slot));
        if (whole && t->binds) __builtin_prefetch(table_bind(t, slot));
    }
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
/* memory.c: an empty table gets room for so many groups. False, and it is as it was: there is no memory for that.
 */
bool table_resize(struct flow_table *t, uint32_t groups);
/* room.c: the slot of a half-open flow, or of one's twin, that the hand meets next; there is one. */
uint32_t table_meet(struct flow_table *t);
/* Let one of the half-open flows go, an old one. False: as table_release. */
bool table_yield_half_open(struct flow_table *t, uint64_t now_ns);
/* Free at least one slot of two full groups, not that of the flow `keep` (FLOW_NONE: no such flow). False: as
 * table_release. */
bool table_make_room(struct flow_table *t, const struct place *at, int32_t keep, uint64_t now_ns);
