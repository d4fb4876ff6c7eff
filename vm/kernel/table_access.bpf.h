/* vm/flow/table_access.h for the kernel's stages: the lines lie in maps, each kind by itself, all processors change
 * them.
 *
 * A flow's lock is a bit of its claim word, had by one compare-and-swap; the fifteen bits beside it count its changes,
 * so that who has copied the line can tell whether it is still so. (In a worker's own table these sixteen are `epoch`.)
 */
#ifndef VM_KERNEL_TABLE_ACCESS_BPF_H
#define VM_KERNEL_TABLE_ACCESS_BPF_H

#include "vm/flow/table_ops.h"
#include "vm/kernel/bpf.h"
#include "vm/kernel/events.h"
#include "vm/kernel/flow_head.h"
#include "vm/kernel/sources.h"

enum { TABLE_SHARED = 1, TABLE_TRIES = 64, STACK_PLAIN = 4096 /* greater ids are counted (stacks.h) */ };
#define TABLE_ALONE  GLOBAL
#define TABLE_WITHIN __always_inline
#define TABLE_THERE  NONNULL
#define TABLE_INDEX(i, n)                                                                                              \
    ({                                                                                                                 \
        uint64_t i_ = (i); /* not in C: clang knows better, and leaves it out or asks a copy */                        \
        __asm__ volatile("if %0 < %1 goto +1\n%0 = 0" : "+r"(i_) : "i"(n));                                            \
        i_;                                                                                                            \
    })

extern struct flow_head state_flow_head;
extern char map_events;
uint64_t kernel_source_add(const struct kernel_source *key); /* sources.bpf.c */
uint64_t kernel_source_flows(const struct kernel_source *key);
uint64_t kernel_source_drop(const struct kernel_source *key);
extern uint16_t state_flow_tags[];
extern struct flow state_flow_slots[];
extern struct flow_cold state_flow_cold[];
extern struct flow_bind state_flow_binds[];
extern struct recipe state_flow_recipes[];
extern uint64_t state_flow_bits[];
extern const char last_flow_tags, last_flow_slots, last_flow_cold, last_flow_binds, last_flow_recipes, last_flow_bits;

#define TABLE (&state_flow_head.table)

static inline struct flow *table_slot(const struct flow_table *t, int64_t slot)
{
    (void)t;
    return &state_flow_slots[AT_MOST((uint64_t)slot, LAST(flow_slots))];
}
static inline struct flow_cold *table_cold(const struct flow_table *t, int64_t slot)
{
    (void)t;
    return &state_flow_cold[AT_MOST((uint64_t)slot, LAST(flow_cold))];
}
static inline struct flow_bind *table_bind(const struct flow_table *t, int64_t slot)
{
    (void)t;
    return &state_flow_binds[AT_MOST((uint64_t)slot, LAST(flow_binds))];
}
static inline struct recipe *table_recipe(const struct flow_table *t, int64_t slot)
{
    (void)t;
    return &state_flow_recipes[AT_MOST((uint64_t)slot, LAST(flow_recipes))];
}
static inline struct flow_cold *table_cold_of(const struct flow_table *t, const struct flow *f)
{
    return table_cold(t, f - state_flow_slots);
}

static inline uint16_t *table_tag(const struct flow_table *t, uint32_t slot)
{
    (void)t;
    return &state_flow_tags[AT_MOST((uint64_t)slot, LAST(flow_tags))];
}
static inline uint16_t *table_group(const struct flow_table *t, uint32_t group)
{
    (void)t;
    return &state_flow_tags[AT_MOST((uint64_t)group * GROUP, LAST(flow_tags) - (GROUP - 1))];
}

/* Level 1 stands behind level 0. */
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

/* False also of a slot that is free. */
static inline bool table_lock(struct flow *f)
{
    for (uint32_t i = 0; LOOP(i < TABLE_TRIES); i = LOOSE(i + 1)) {
        const uint64_t was = *(volatile uint64_t *)&f->claim;
        if (!was) return false;
        if (was & CLAIM_LOCK) continue;
        if (__sync_bool_compare_and_swap(&f->claim, was, was | CLAIM_LOCK)) return true;
    }
    table_count(&state_flow_head.given_up, 1);
    return false;
}

static inline void table_unlock(struct flow *f)
{
    const uint64_t now = *(volatile uint64_t *)&f->claim, change = (now + CLAIM_CHANGE) & CLAIM_CHANGES;
    __sync_lock_test_and_set(&f->claim, (now & ~(CLAIM_LOCK | CLAIM_CHANGES)) | change);
}

static inline bool table_has_ops(const struct flow_table *t)
{
    (void)t;
    return false;
}

/* Flows that are sent on are user space's to end. */
static inline bool table_may_end(const struct flow *f)
{
    return f->claim && !(f->flags & (FLOW_BOUND | FLOW_TWIN | FLOW_PAIRED));
}

static inline uint64_t table_filling(uint64_t word) { return word | CLAIM_LOCK; }

/* Of an end that no process asked for: to those who list ends, and for the number of its VLAN stack. */
GLOBAL uint64_t kernel_flow_tell(uint32_t slot, uint32_t how, uint64_t now_ns)
{
    const struct flow *f = table_slot(TABLE, slot);
    if (!state_flow_head.tells && f->stack <= STACK_PLAIN) return 0;
    struct kernel_event_flow *const e = bpf_ringbuf_reserve(&map_events, sizeof *e, 0);
    if (!e) {
        table_count(&state_flow_head.untold, 1);
        return 0;
    }
    e->event = (struct kernel_event){.kind = KERNEL_EVENT_FLOW, .now_ns = now_ns};
    e->gone.slot = (int32_t)slot;
    e->gone.how = how;
    e->gone.now_ns = now_ns;
    e->gone.flow = *f;
    e->gone.cold = *table_cold(TABLE, slot);
    bpf_ringbuf_submit(e, 0);
    return 1;
}

static inline void table_tell(const struct flow_table *t, uint32_t slot, enum flow_end how, uint64_t now_ns)
{
    (void)t;
    kernel_flow_tell(slot, how, now_ns);
}

/* Who opened the flow of that slot. */
static inline void table_source(uint32_t slot, struct kernel_source *s)
{
    const struct flow *f = table_slot(TABLE, slot);
    const struct flow_cold *c = table_cold(TABLE, slot);
    const bool high = f->flags & FLOW_OPENED_BY_HIGH;
    uint32_t addr[4] = {high ? f->high : f->low};
    if (f->kind & FLOW_ID_IP6)
        for (unsigned i = 0; i < 4; i++) addr[i] = high ? c->high[i] : c->low[i];
    kernel_source_of(addr, (f->kind & FLOW_ID_IP6) != 0, s);
}

/* What the flow held is given back. */
static inline void table_give_back(const struct flow_table *t, uint32_t slot)
{
    struct kernel_source source;
    (void)t;
    if (!(table_slot(TABLE, slot)->flags & FLOW_COUNTED)) return;
    table_source(slot, &source);
    kernel_source_drop(&source);
}

/* The flow of that slot, which begins, counts for its source. */
static inline void table_take_source(uint32_t slot)
{
    struct kernel_source source;
    if (!state_flow_head.counts_sources) return;
    table_source(slot, &source);
    if (kernel_source_add(&source)) table_slot(TABLE, slot)->flags |= FLOW_COUNTED;
}

#endif
