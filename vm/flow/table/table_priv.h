/* Steps and locks of the flow table: shared by its files and called by its tests */
#pragma once

#include "vm/flow/table/lookup.h"

/* Number of half-open flows compared when one must make way */
enum { HALF_OPEN_FEW = 8 };

/* Prefetch distance, in groups, of a walk over the table, whose flows are far apart. whole: prefetch all lines, not
 * only the first. Inlined: gcc treats a function that only prefetches as having no effect, and drops the call. */
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

/* Free a slot. Earlier writes to it become visible before that. */
static inline void table_untake(struct flow *f)
{
#ifdef __bpf__
    __sync_lock_test_and_set(&f->taken, 0); /* eBPF has no store with release order */
#else
    __atomic_store_n(&f->taken, 0, __ATOMIC_RELEASE);
#endif
}

/* The same as flow_peek, but ignores the time */
int32_t table_look_up(const struct flow_table *t, const struct flow_id *id, uint64_t hash);
/* The parts of an addition. Return the taken word of a slot. */
uint64_t table_word(const struct flow_tuple *tuple, enum flow_state state, unsigned flags);
/* Find a free slot in the tuple's groups, take it with `word`, and fill in all but its tag; its lock is held. -1: no
 * slot is free. */
int64_t table_put(struct flow_table *t, const struct flow_tuple *tuple, uint64_t word, uint64_t now_ns);
/* Write a tag and count its class; the slot's flags are set before. Returns true. */
bool table_set_tag(struct flow_table *t, uint32_t slot, uint32_t to);
/* Free a slot. Another slot may then get its row. */
void table_free_slot(struct flow_table *t, uint32_t slot);
/* Make the slot visible to look-ups. */
void table_show(struct flow_table *t, uint32_t slot, const struct flow_tuple *tuple, enum flow_class class);
/* Make slot `twin`, which was put for that tuple, the flow's twin, visible to look-ups. */
void table_pair(struct flow_table *t, int32_t slot, uint32_t twin, const struct flow_tuple *tuple);
/* Add a flow with these flags; its lock is still held. FLOW_NONE: the caller may not end the flow that should make
 * way, or that flow is being changed; this never happens in a process's own table. */
int32_t table_begin(struct flow_table *t, const struct flow_tuple *tuple, enum flow_state state, unsigned flags,
                    uint64_t now_ns);
/* Bring the bitmaps of half-open flows in line with a group's tags. True if the group has any. */
bool table_note_half_open(struct flow_table *t, uint32_t group);
/* End a flow whose lock is held, and free the lock with it; the end is not reported. */
void table_release_held(struct flow_table *t, uint32_t slot, enum flow_end how);
/* Report the end, count it, free the flow's slot and its twin's; `slot` is either. False: the caller may not end the
 * flow, or it is being changed; this never happens in a process's own table. */
bool table_release(struct flow_table *t, uint32_t slot, enum flow_end how, uint64_t now_ns);
/* The same for an expired flow */
bool table_expire(struct flow_table *t, uint32_t slot, uint64_t now_ns);
/* memory.c: return the number of near groups in a table of `groups` groups. */
uint32_t table_near_of(uint32_t groups);
/* Give an empty table room for `groups` groups. False: out of memory, and nothing has changed. */
bool table_resize(struct flow_table *t, uint32_t groups, uint32_t near);
/* table_archive.c: write or read a slot's lines; begins: its second line, too. */
void table_archive_slot(struct flow_table *t, struct archive *a, uint32_t slot, bool begins);
/* True if the lines and the tag of a slot that was read agree with those of its twin, or its flow. */
bool table_slot_is_sound(const struct flow_table *t, uint32_t slot);
/* room.c: return the slot of the next half-open flow, or its twin, at the hand; at least one exists. */
uint32_t table_meet(struct flow_table *t);
/* Let an old half-open flow make way. False: as for table_release. */
bool table_yield_half_open(struct flow_table *t, uint64_t now_ns);
/* Free at least one slot of two full groups, except that of the flow `keep` (FLOW_NONE: none). False: as for
 * table_release. */
bool table_make_room(struct flow_table *t, const struct place *at, int32_t keep, uint64_t now_ns);
