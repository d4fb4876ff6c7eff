/* Bindings after a reload (track.h, track_renew): each is adapted to the new program when it is first looked at, or by
 * a walk that goes on a little at a time */
#include "vm/flow/table/lookup.h"
#include "vm/flow/track/track_priv.h"

void track_renew(struct track *t, const struct program *p, track_renew_fn *fn, void *arg)
{
    t->program = p;
    if (p->settings_count) {
        flow_timeouts(p->settings, t->table->timeout_ns);
        flow_timeouts(p->settings, table_common(t->table)->timeout_ns);
    }
    if (!t->table->binds) return;
    t->renew = fn;
    t->renew_arg = arg;
    t->renew_hand = 0;
    t->age ^= BIND_AGE;
}

bool track_renews(const struct track *t) { return t->renew; }
uint8_t track_age(const struct track *t) { return t->age; }
bool track_binds(const struct track *t) { return t->table->binds; }

struct flow_bind *track_bind_at(const struct track *t, int32_t slot)
{
    struct flow_bind *b = table_bind(t->table, slot);
    if (__builtin_expect(!t->renew, 1) || (b->flags & BIND_AGE) == t->age) return b;
    b->flags ^= BIND_AGE;
    t->renew(t->renew_arg, b);
    return b;
}

void track_renew_some(struct track *t, unsigned slots)
{
    for (; t->renew && slots; slots--) {
        const int32_t slot = track_step(t, &t->renew_hand);
        if (flow_at_end(t->table, t->renew_hand) && slot == FLOW_NONE) t->renew = NULL;
        if (slot != FLOW_NONE && table_slot(t->table, slot)->flags & FLOW_BOUND) track_bind_at(t, slot);
    }
}
