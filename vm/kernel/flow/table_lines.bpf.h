/* vm/flow/table/access.h for the kernel's stages: each kind of line has its own map, which all processors change.
 *
 * A flow's lock is one bit of its taken word, taken by a compare-and-swap; the fifteen bits beside it count its
 * changes, so that a reader can know whether its copy of the line is current. (In a worker's own table these sixteen
 * bits are `epoch`.) This file has the places of lines and their locks, all that readers need; table_access.bpf.h
 * has the rest. */
#pragma once

#include "vm/flow/table/ops.h"
#include "vm/kernel/bpf.h"
#include "vm/kernel/flow/flow_head.h"

enum { TABLE_SHARED = 1, TABLE_TRIES = 64 };
#define TABLE_ALONE  ALONE
#define TABLE_WITHIN __always_inline
#ifdef COUNTED
#define TABLE_APART TABLE_ALONE /* the kernel's verifier checks the function once, not at each turn */
#else
#define TABLE_APART static
#endif
#define TABLE_THERE THERE
#define TABLE_INDEX(i, n)                                                                                              \
    ({                                                                                                                 \
        uint64_t i_ = (i); /* in asm, because clang would drop a test in C as needless, or test a copy */              \
        __asm__ volatile("if %0 < %1 goto +1\n%0 = 0" : "+r"(i_) : "i"(n));                                            \
        i_;                                                                                                            \
    })

extern struct flow_head state_flow_head;
extern uint16_t state_flow_tags[];
extern struct flow state_flow_slots[];
extern struct flow_cold state_flow_cold[];
extern struct recipe state_flow_recipes[];
extern uint64_t state_flow_bits[];
extern const char last_flow_tags, last_flow_slots, last_flow_cold, last_flow_recipes, last_flow_bits, last_source_words;

#define TABLE (&state_flow_head.table)

static inline struct flow *table_slot(const struct flow_table *t, int64_t slot)
{
    return &state_flow_slots[AT_MOST((uint64_t)slot, LAST(flow_slots))];
}
static inline struct flow_cold *table_cold(const struct flow_table *t, int64_t slot)
{
    return &state_flow_cold[AT_MOST((uint64_t)slot, LAST(flow_cold))];
}
static inline struct flow_bind *table_bind(const struct flow_table *t, int64_t slot)
{
    return NULL; /* only processes have bindings, and no stage needs them */
}
static inline struct recipe *table_recipe(const struct flow_table *t, int64_t slot)
{
    return &state_flow_recipes[AT_MOST((uint64_t)slot, LAST(flow_recipes))];
}
static inline struct flow_cold *table_cold_of(const struct flow_table *t, const struct flow *f)
{
    return table_cold(t, f - state_flow_slots);
}

static inline uint16_t *table_tag(const struct flow_table *t, uint32_t slot)
{
    return &state_flow_tags[AT_MOST((uint64_t)slot, LAST(flow_tags))];
}
static inline uint16_t *table_group(const struct flow_table *t, uint32_t group)
{
    return &state_flow_tags[AT_MOST((uint64_t)group * GROUP, LAST(flow_tags) - (GROUP - 1))];
}

/* Do nothing: slot i has row i here, so rows are neither taken nor given back. */
static inline void table_take_row(const struct flow_table *t, uint32_t slot) {}
static inline void table_give_row(const struct flow_table *t, uint32_t slot) {}
#define table_ask_free(t, slot) __builtin_prefetch(table_slot(t, slot), 1)

/* True if flows may be counted by source. If not, the map has one line, which is unused. */
static inline bool table_has_sources(void) { return IS_MORE(LAST(source_words)); }

/* Touch the pages of a group's slots and recipes, one page each, so that the processor translates their addresses
 * while it waits for the tags. For a page not used recently, that takes as long as fetching the line. */
static inline void table_ask_pages(const struct flow_table *t, uint32_t group)
{
    (void)*(volatile uint64_t *)table_slot(t, (int64_t)group * GROUP);
    if (sends_on()) (void)*(volatile uint64_t *)(void *)table_recipe(t, (int64_t)group * GROUP);
}

/* Touch the pages of the group's second lines, which only IPv6 uses. */
static inline void table_ask_cold(const struct flow_table *t, uint32_t group)
{
    (void)*(volatile uint64_t *)(void *)table_cold(t, (int64_t)group * GROUP);
}

/* Return a word of the bits; level 1 is behind level 0. */
static inline uint64_t *table_bits(const struct flow_table *t, unsigned level, uint32_t i)
{
    return &state_flow_bits[AT_MOST(i + (level ? (t->groups + 63) / 64 : 0), LAST(flow_bits))];
}
static inline void table_set_bit(uint64_t *word, uint64_t bit, bool on)
{
    if (on)
        __sync_fetch_and_or(word, bit);
    else
        __sync_fetch_and_and(word, ~bit);
}

static inline void table_count(uint64_t *word, int64_t by) { __sync_fetch_and_add(word, (uint64_t)by); }

/* Try once to take the flow's lock. False: the lock is taken, or the slot is free. */
static inline bool table_try_lock(struct flow *f)
{
    const uint64_t was = *(volatile uint64_t *)&f->taken;
    if (!was || was & TAKEN_LOCK) return false;
    return __sync_bool_compare_and_swap(&f->taken, was, was | TAKEN_LOCK);
}

/* True if the slot in which the packet's tuple was found, with the line `at`, still holds the tuple, and leads to the
 * same flow. Call it with the flow's lock taken, or its line copied: a twin's slot is freed before its flow's. */
static inline bool table_still_at(const struct track_seen *s, const volatile struct flow *at)
{
    return at->hash == flow_taken_hash(s->hash) && (!s->twin || at->flow == s->slot);
}
static inline bool table_still(const struct track_seen *s) { return table_still_at(s, table_slot(TABLE, s->tuple)); }

/* Release the lock, and count the change. On processors with ordered stores, one store is enough. */
static inline void table_unlock(struct flow *f)
{
    const uint64_t now = *(volatile uint64_t *)&f->taken, change = (now + TAKEN_CHANGE) & TAKEN_CHANGES;
    const uint64_t then = (now & ~(TAKEN_LOCK | TAKEN_CHANGES)) | change;
#ifdef __x86_64__
    __asm__ volatile("" ::: "memory");
    *(volatile uint64_t *)&f->taken = then;
#else
    __sync_lock_test_and_set(&f->taken, then);
#endif
}
