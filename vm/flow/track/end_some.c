/* A walk that ends some flows, whether they are sent on or not (track.h). */
#include "vm/flow/table/lookup.h"
#include "vm/flow/track/track_priv.h"

enum { STEP_GROUPS = 16 };

/* End the flow in a slot if `wants` asks for it. Return the number of flows that have ended. */
static unsigned cut_one(struct track *t, int32_t slot, track_cut_fn *wants, void *arg)
{
    struct flow line;
    if (!flow_read(t->table, slot, &line) || !line.taken || line.flags & FLOW_TWIN) return 0;
    if (table_expired(t->table, table_slot(t->table, slot), t->now_ns)) return 0; /* the flow has already expired */
    const struct flow_cold *cold = table_cold(t->table, slot);
    struct flow_id id;
    flow_id_in(&line, cold, &id);
    const struct flow_bind *bind = line.flags & FLOW_BOUND ? track_bind_at(t, slot) : NULL;
    const bool told = t->events || t->live || id.kind & FLOW_ID_IP6;
    uint64_t *ended = wants(arg, &id, bind, told ? cold->began_ns : 0);
    if (!ended || !flow_end_seen(t->table, slot, &line, FLOW_END_CUT, t->now_ns)) return 0;
    __atomic_fetch_add(ended, 1, __ATOMIC_RELAXED);
    return 1;
}

bool track_cut(struct track *t, struct track_cuts left, track_cut_fn *wants, void *arg)
{
    while (left.groups && left.flows && left.ends) {
        const unsigned step = left.groups < STEP_GROUPS ? left.groups : STEP_GROUPS;
        const int32_t slot = flow_next_near(t->table, &t->cut_hand, step);
        if (slot != FLOW_NONE) {
            left.flows--;
            left.ends -= cut_one(t, slot, wants, arg);
        } else if (flow_at_end(t->table, t->cut_hand)) {
            t->cut_hand = 0;
            return false;
        } else {
            left.groups -= step;
        }
    }
    return true;
}

bool track_cut_again(struct track *t, const struct flow_id *id)
{
    struct flow line;
    const int32_t slot = flow_find(t->table, id, table_hash(t->table, id), t->now_ns);
    if (slot == FLOW_NONE || !flow_read(t->table, slot, &line) || line.flags & FLOW_TWIN) return false;
    return flow_end_seen(t->table, slot, &line, FLOW_END_CUT, t->now_ns);
}
