/* The rest of vm/flow/table/access.h for the kernel's stages: the side effects of a change to the table. */
#pragma once

#include "vm/kernel/events.h"
#include "vm/kernel/flow/table_lines.bpf.h"
#include "vm/kernel/keyed/sources.h"

enum { STACK_PLAIN = 4096 /* larger ids are counted (stacks.h) */ };

extern char map_events;
uint64_t kernel_source_add(const struct kernel_source *key); /* defined in sources.bpf.c */
uint64_t kernel_source_flows(const struct kernel_source *key);
uint64_t kernel_source_drop(const struct kernel_source *key);

/* Take the lock of a flow's slot. False: another processor did not release it in time, or the slot is free. */
APART bool table_lock(struct flow *f NONNULL)
{
    TURNS(TABLE_TRIES)
    for (uint32_t i = LOOSE(0u); LOOP(i < TABLE_TRIES); i = LOOSE(i + 1)) {
        const uint64_t was = *(volatile uint64_t *)&f->taken;
        if (!was) return false;
        if (was & TAKEN_LOCK) continue;
        if (__sync_bool_compare_and_swap(&f->taken, was, was | TAKEN_LOCK)) return true;
    }
    table_count(&state_flow_head.given_up, 1);
    return false;
}

static inline bool table_has_ops(const struct flow_table *t) { return false; }
#define table_common(t) (t)

/* True if the kernel may end the flow: bound flows end in user space. */
static inline bool table_may_end(const struct flow *f)
{
    return f->taken && !(f->flags & (FLOW_BOUND | FLOW_TWIN | FLOW_PAIRED));
}

static inline uint64_t table_filling(uint64_t word) { return word | TAKEN_LOCK; }

/* Report the end of a flow that no process ended, to listeners of ends and to the counter of VLAN stacks' ids.
 * Return 0 if the counter needed the report and the ring had no room. */
GLOBAL uint64_t kernel_flow_tell(uint32_t slot, uint32_t how, uint64_t now_ns)
{
    const struct flow *f = table_slot(TABLE, slot);
    if (!state_flow_head.tells && f->stack <= STACK_PLAIN) return 1;
    struct kernel_event_flow *const e = bpf_ringbuf_reserve(&map_events, sizeof *e, 0);
    if (!e) {
        table_count(&state_flow_head.untold, 1);
        return f->stack <= STACK_PLAIN;
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

static inline bool table_tell(const struct flow_table *t, uint32_t slot, enum flow_end how, uint64_t now_ns)
{
    return kernel_flow_tell(slot, how, now_ns);
}

/* Write the network, by one grain, of the side that opened the slot's flow. False: the grain does not exist, or
 * repeats an earlier one. */
GLOBAL bool kernel_slot_source(uint32_t slot, uint32_t grain, struct kernel_source *s NONNULL)
{
    const struct grains *const grains = &state_flow_head.grains;
    const struct flow *f = table_slot(TABLE, slot);
    const struct flow_cold *c = table_cold(TABLE, slot);
    const bool high = f->flags & FLOW_OPENED_BY_HIGH, v6 = (f->kind & FLOW_ID_IP6) != 0;
    uint32_t addr[4] = {high ? f->high : f->low};
    if (v6)
        for (unsigned i = 0; i < 4; i++) addr[i] = high ? c->high[i] : c->low[i];
    if (grain >= grains->count || grain_again(grains, grain, v6)) return false;
    kernel_source_of(addr, LOOSE(grain_len(&grains->of[grain % PBC_GRAINS_MAX], v6)), v6, s);
    return true;
}

static inline void table_drop_sources(uint32_t slot, uint32_t grains)
{
    struct kernel_source source = {
        0}; /* Linux before 6.3 demands that all bytes of a function's argument are written */
    for (uint32_t i = 0; i < PBC_GRAINS_MAX; i++)
        if (i < grains && kernel_slot_source(slot, i, &source)) kernel_source_drop(&source);
}

/* Do nothing: flows of this table are not written in advance. */
static inline void table_touch(const struct flow_table *t, int64_t slot) {}

/* Stop counting the flow for its source's networks. */
static inline void table_give_back(const struct flow_table *t, uint32_t slot)
{
    if (!table_has_sources() || !(table_slot(TABLE, slot)->flags & FLOW_COUNTED)) return;
    table_drop_sources(slot, PBC_GRAINS_MAX);
}

/* Count the slot's new flow for each network of its source by which flows are counted. */
static inline void table_take_source(uint32_t slot)
{
    struct kernel_source source = {0};
    if (!table_has_sources() || !state_flow_head.grains.count) return;
    for (uint32_t i = 0; i < PBC_GRAINS_MAX; i++) {
        if (!kernel_slot_source(slot, i, &source) || kernel_source_add(&source)) continue;
        table_drop_sources(slot, i);
        return;
    }
    table_slot(TABLE, slot)->flags |= FLOW_COUNTED;
}
