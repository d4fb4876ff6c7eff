/* Moving of a flow from one worker's table to another's (flow_table.h, flow_move) */
#include "vm/flow/table/table_priv.h"

/* Make the tuple of a slot for the other table. */
static struct flow_tuple tuple_there(const struct flow_table *t, const struct flow_table *from, int32_t slot,
                                     uint16_t stack)
{
    struct flow_tuple tuple = {.room = FLOW_NONE,
                               .opened_by_high = table_slot(from, slot)->flags & FLOW_OPENED_BY_HIGH};
    flow_id_of(from, slot, &tuple.id);
    tuple.id.stack = stack;
    tuple.hash = table_hash(t, &tuple.id);
    return tuple;
}

/* End the flow that has the tuple, if it was last seen before seen_ns. True if the tuple is free now. */
static bool makes_way(struct flow_table *t, const struct flow_tuple *tuple, uint64_t seen_ns, uint64_t now_ns)
{
    const int32_t found = flow_find(t, &tuple->id, tuple->hash, now_ns);
    if (found == FLOW_NONE) return true;
    if (table_slot(t, table_owner(t, (uint32_t)found))->seen_ns >= seen_ns) return false;
    flow_end(t, flow_of_twin(t, found), FLOW_END_REOPENED, now_ns);
    return true;
}

/* Copy all fields except those of the tuple and those that are rebuilt. */
static void copy_lines(struct flow_table *t, int32_t slot, const struct flow_table *from, int32_t was)
{
    struct flow *f = table_slot(t, slot);
    const struct flow *o = table_slot(from, was);
    const bool cold = from->begins || o->kind & FLOW_ID_IP6 || o->joined || o->flags & (FLOW_PAIRED | FLOW_OWN_IDLE);
    f->seen_ns = o->seen_ns;
    f->tcp = o->tcp;
    f->joined = o->joined;
    f->would = o->would;
    f->astray = o->astray;
    if (cold) *table_cold(t, slot) = *table_cold(from, was);
    if (o->flags & FLOW_BOUND) *table_bind(t, slot) = *table_bind(from, was);
    flow_set_state(t, slot, (enum flow_state)o->state, o->seen_ns); /* sets its class, by the copied state */
}

int32_t flow_move(struct flow_table *t, const struct flow_table *from, int32_t slot, uint16_t stack, uint64_t now_ns)
{
    const struct flow *o = table_slot(from, slot);
    const unsigned flags = o->flags & ~(unsigned)(FLOW_OPENED_BY_HIGH | FLOW_COUNTED | FLOW_TWIN | FLOW_PAIRED);
    const bool paired = o->flags & FLOW_PAIRED;
    if (table_expired(from, o, now_ns) || (flags & FLOW_BOUND && !t->binds)) return FLOW_NONE;
    const struct flow_tuple tuple = tuple_there(t, from, slot, stack),
                            twin = tuple_there(t, from, paired ? table_cold(from, slot)->twin : slot, stack);
    if (!makes_way(t, &tuple, o->seen_ns, now_ns)) return FLOW_NONE;
    if (paired && !makes_way(t, &twin, o->seen_ns, now_ns)) return FLOW_NONE;
    const int32_t at = table_begin(t, &tuple, (enum flow_state)o->state, flags, now_ns);
    t->counters.added--; /* the other worker has counted it as added */
    copy_lines(t, at, from, slot);
    if (paired) flow_add_twin(t, at, &twin, now_ns);
    return at;
}
