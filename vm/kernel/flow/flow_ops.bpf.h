/* Changes that processes make to the flow table (vm/flow/table/ops.h). Each is one call of a program of type
 * SYSCALL. */
#pragma once

#include "vm/flow/table/ops.h"
#include "vm/kernel/flow/flow_keep.bpf.h"

/* Lock the flow. False: it is busy, or has changed since the process read it. */
static __always_inline bool op_lock(const struct flow_op *op, struct flow *f)
{
    if (!table_lock(f)) return false;
    if ((f->taken & ~TAKEN_LOCK) == op->taken) return true;
    table_unlock(f);
    return false;
}

/* Add the twin of a flow that is locked. False: no room. */
static __attribute__((noinline)) bool op_pair(struct flow_op *op)
{
    const struct flow_tuple tuple = op->twin;
    struct flow *f = table_slot(TABLE, op->slot);
    const int64_t twin = table_put(TABLE, &tuple, table_word(&tuple, (enum flow_state)f->state, FLOW_TWIN), op->now_ns);
    if (twin >= 0) table_pair(TABLE, op->slot, (uint32_t)twin, &tuple);
    return twin >= 0;
}

static __always_inline void op_add_at(struct flow_op *op, const struct flow_tuple *tuple, int64_t slot)
{
    struct flow *f = table_slot(TABLE, slot);
    f->tcp = op->tcp;
    f->would = op->would & 15u;
    f->astray = op->astray & 1u;
    table_take_source((uint32_t)slot);
    if (op->flags & FLOW_OWN_IDLE) table_cold(TABLE, slot)->idle_ns = op->idle_ns;
    table_count(&TABLE->counters.added, 1);
    table_show(TABLE, (uint32_t)slot, tuple, flow_class_of((enum flow_state)op->state, op->flags, false));
    if (op->pairs) op_pair(op);
    table_unlock(f);
}

static __attribute__((noinline)) uint32_t op_add(struct flow_op *op)
{
    const struct flow_tuple tuple = op->tuple;
    uint64_t *stripe = &state_flow_head.adding[tuple.hash % FLOW_STRIPES];
    if (!stripe_lock(stripe)) return FLOW_OP_BUSY;
    uint32_t said = FLOW_OP_DONE;
    const int32_t there = table_look_up(TABLE, &tuple.id, tuple.hash);
    if (there != FLOW_NONE && !table_release(TABLE, (uint32_t)there, FLOW_END_REOPENED, op->now_ns))
        said = table_slot(TABLE, there)->taken & TAKEN_LOCK ? FLOW_OP_BUSY : FLOW_OP_HELD;
    if (!said) {
        const int64_t slot =
            table_put(TABLE, &tuple, table_word(&tuple, (enum flow_state)op->state, op->flags), op->now_ns);
        op->slot = (int32_t)slot;
        if (slot < 0)
            said = FLOW_OP_ROOM;
        else
            op_add_at(op, &tuple, slot);
    }
    stripe_unlock(stripe);
    return said;
}

static __attribute__((noinline)) uint32_t op_twin(struct flow_op *op)
{
    struct flow *f = table_slot(TABLE, op->slot);
    if (!op_lock(op, f)) return FLOW_OP_BUSY;
    const bool paired = op_pair(op);
    table_unlock(f);
    return paired ? FLOW_OP_DONE : FLOW_OP_ROOM;
}

static __attribute__((noinline)) uint32_t op_set(struct flow_op *op)
{
    struct flow *f = table_slot(TABLE, op->slot);
    if (!op_lock(op, f)) return FLOW_OP_BUSY;
    memo_forget(f);
    f->tcp = op->tcp;
    f->seen_ns = op->seen_ns;
    f->would = op->would & 15u;
    f->astray = op->astray & 1u;
    f->flags |= op->flags;
    if (op->flags & FLOW_OWN_IDLE) table_cold(TABLE, op->slot)->idle_ns = op->idle_ns;
    if (op->state != f->state) flow_set_state(TABLE, op->slot, (enum flow_state)op->state, op->now_ns);
    table_unlock(f);
    return FLOW_OP_DONE;
}

/* End a flow even if packets have changed it since: the process has often already released the flow's resources. */
static __attribute__((noinline)) uint32_t op_end(struct flow_op *op)
{
    struct flow *f = table_slot(TABLE, op->slot);
    if (!table_lock(f)) return FLOW_OP_BUSY;
    if ((uint32_t)f->taken != (uint32_t)op->taken || (op->over && !table_expired(TABLE, f, op->now_ns))) {
        table_unlock(f);
        return FLOW_OP_BUSY;
    }
    op->gone.flow = *f;
    op->gone.cold = *table_cold(TABLE, op->slot);
    table_release_held(TABLE, (uint32_t)op->slot, (enum flow_end)op->how);
    return FLOW_OP_DONE;
}

extern struct flow_gone state_flow_swept[];
extern const char mask_flow_swept;

enum swept { SWEPT_NOT, SWEPT, SWEPT_HELD };

/* Release the slot's flow if it has expired, and copy it into entry n of `flow_swept`. Return enum swept;
 * SWEPT_HELD: only the process may end the flow. */
GLOBAL uint64_t kernel_flow_sweep(uint32_t slot, uint32_t n, uint64_t now_ns)
{
    struct flow *f = table_slot(TABLE, slot);
    struct flow_gone *gone = &state_flow_swept[n & MASK(flow_swept)];
    if (!f->taken || f->flags & FLOW_TWIN || !table_expired(TABLE, f, now_ns)) return SWEPT_NOT;
    if (!table_may_end(f)) return SWEPT_HELD;
    if (!table_lock(f)) return SWEPT_NOT;
    if (!table_may_end(f) || !table_expired(TABLE, f, now_ns)) {
        table_unlock(f);
        return SWEPT_NOT;
    }
    gone->slot = (int32_t)slot;
    gone->how = end_by_timeout((enum flow_state)f->state);
    gone->now_ns = now_ns;
    gone->flow = *f;
    gone->cold = *table_cold(TABLE, slot);
    table_release_held(TABLE, slot, (enum flow_end)gone->how);
    return SWEPT;
}

/* Sweep slot op->slot and advance it. True: stop. */
static __always_inline bool sweep_next(struct flow_op *op)
{
    const uint32_t slot = (uint32_t)op->slot, n = op->count;
    if (slot >= op->until || n >= FLOW_SWEPT) return true;
    const uint64_t is = *table_tag(TABLE, slot) ? kernel_flow_sweep(slot, n, op->now_ns) : SWEPT_NOT;
    op->slot = (int32_t)(slot + 1);
    op->count = n + (is == SWEPT);
    return is == SWEPT_HELD;
}

#ifdef COUNTED
enum { SWEEP_MOST = 1 << 23 /* turns of bpf_loop */ };
static long sweep_turn(uint32_t turn, void *op) { return sweep_next(TURN_OF(struct flow_op, op)); }
static __always_inline void sweep(struct flow_op *op) { EACH_TURN(SWEEP_MOST, sweep_turn, op); }
#else
static __always_inline void sweep(struct flow_op *op)
{
    while (LOOP(!sweep_next(op))) {}
}
#endif

static __attribute__((noinline)) uint32_t op_sweep(struct flow_op *op)
{
    op->count = 0;
    sweep(op);
    return FLOW_OP_DONE;
}

SEC("syscall") int flow_op(struct flow_op *op)
{
    switch ((enum flow_op_kind)op->kind) {
    case FLOW_OP_ADD: op->said = op_add(op); break;
    case FLOW_OP_TWIN: op->said = op_twin(op); break;
    case FLOW_OP_SET: op->said = op_set(op); break;
    case FLOW_OP_END: op->said = op_end(op); break;
    case FLOW_OP_SWEEP: op->said = op_sweep(op); break;
    }
    return 0;
}
