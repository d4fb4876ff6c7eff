/* Moving of flows from one worker to another (track.h, track_move) */
#include "vm/flow/table/lookup.h"
#include "vm/flow/track/track_priv.h"

uint16_t track_move_stack(struct track *t, const struct track *from, uint16_t stack)
{
    return stack_move(t->stacks, from->stacks, stack);
}

int32_t track_move(struct track *t, struct track *from, int32_t slot, uint16_t stack)
{
    const struct flow *was = flow_at(from->table, slot);
    if (was->flags & FLOW_BOUND) track_bind_at(from, slot); /* renews the binding before it is copied */
    const int32_t at = flow_move(t->table, from->table, slot, stack, t->now_ns);
    if (at == FLOW_NONE) {
        stack_put(t->stacks, stack);
        return at;
    }
    struct flow *f = flow_at(t->table, at);
    struct flow_id id;
    flow_id_of(t->table, at, &id);
    if (f->flags & FLOW_BOUND) {
        struct flow_bind *b = flow_bind_at(t->table, at);
        b->flags = (uint8_t)((b->flags & ~BIND_AGE) | t->age);
    }
    if (was->flags & FLOW_COUNTED && t->sources && openers_count(t, f, &id)) f->flags |= FLOW_COUNTED;
    return at;
}

int32_t track_next_flow(struct track *t, uint64_t now_ns, uint32_t *at, const struct flow **f, struct flow_id *id,
                        const struct flow_bind **b)
{
    int32_t slot = flow_next(t->table, at);
    while (slot != FLOW_NONE && flow_deadline(t->table, flow_at(t->table, slot)) <= now_ns)
        slot = flow_next(t->table, at);
    if (slot == FLOW_NONE) return slot;
    *f = flow_at(t->table, slot);
    flow_id_of(t->table, slot, id);
    *b = (*f)->flags & FLOW_BOUND ? track_bind_at(t, slot) : NULL;
    return slot;
}

int32_t track_moved(const struct track *t, const struct track *from, const struct flow_id *id)
{
    struct flow_id there = *id;
    const uint16_t stack = stack_move(t->stacks, from->stacks, id->stack);
    if (stack == STACK_UNKNOWN) return FLOW_NONE;
    stack_put(t->stacks, stack);
    there.stack = stack;
    return flow_peek(t->table, &there, table_hash(t->table, &there), t->now_ns);
}

void track_move_begin(struct track *t, const struct track *from, bool first)
{
    if (from->now_ns > t->now_ns) t->now_ns = from->now_ns;
    if (from->pickup_until_ns > t->pickup_until_ns || !t->begun) t->pickup_until_ns = from->pickup_until_ns;
    t->begun |= from->begun;
    if (from->sources && (!t->sources || !grains_hold(&t->grains, &from->grains))) {
        sources_free(t->sources);
        openers_again(t, &from->grains); /* this worker has no flow yet */
    }
    for (unsigned i = 0; first && i < INQUIRY_SETS * INQUIRY_WAYS; i++) {
        const struct inquiry *one = &from->inquiries.at[i];
        if (one->until_ns > t->now_ns) inquiries_put(&t->inquiries, &one->id, one->until_ns - INQUIRY_NS);
    }
}
