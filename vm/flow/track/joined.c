/* Joined flows, begun by a cookie (joined.h), followed in the numbers of the server */
#include "vm/flow/track/joined.h"

#include "vm/flow/table/lookup.h"
#include "vm/flow/table/shared.h"
#include "vm/flow/tcp/tcp_window.h"
#include "vm/flow/track/track_priv.h"

struct flow_joint *track_joint(struct track *t, const struct track_seen *s)
{
    table_touch(t->table, s->slot);
    return &flow_cold_at(t->table, s->slot)->joint;
}

struct flow_joint *track_joined(struct track *t, const struct track_seen *s)
{
    flow_at(t->table, s->slot)->joined = 1;
    return track_joint(t, s);
}

unsigned tcp_track_shift(const struct tcp_track *t, enum flow_dir dir)
{
    const unsigned shift = scale_of(t, dir);
    return shift == SCALE_NONE ? 0 : shift;
}

void joint_follow(const struct flow_joint *j, const struct tcp_track *t, uint32_t delta, struct tcp_segment *s)
{
    if (s->flags & TCP_ACK) s->ack += delta;
    if (!(j->has & JOINT_SCALE) || t->flags & TCP_TRACK_SCALED || s->flags & TCP_SYN) return;
    const uint32_t window = (uint32_t)s->window << tcp_track_shift(t, FLOW_ORIGINAL);
    s->window = (uint16_t)(window < UINT16_MAX ? window : UINT16_MAX);
}

void track_hear(struct track *t, const struct track_seen *s, enum flow_dir dir, const struct tcp_segment *segment)
{
    struct flow *f = flow_at(t->table, s->slot);
    struct tcp_step next;
    if (tcp_follow((enum flow_state)f->state, &f->tcp, dir, segment, &next) != MARK_ESTABLISHED) return;
    next.astray = dir == FLOW_REPLY ? s->next.astray : f->astray;
    if (t->table->ops) {
        /* others share the table; only user space changes a joined flow */
        struct flow now;
        if (!table_read(t->table, s->slot, &now)) return;
        now.tcp = next.track;
        now.astray = next.astray;
        now.seen_ns = t->now_ns;
        shared_set(t->table, s->slot, &now, &(struct flow_first){.state = next.state}, t->now_ns);
        return;
    }
    table_touch(t->table, s->slot);
    f->tcp = next.track;
    f->astray = next.astray;
    f->seen_ns = t->now_ns;
    if (next.state != f->state) flow_set_state(t->table, s->slot, (enum flow_state)next.state, t->now_ns);
}

bool track_awaits(const struct track *t, int32_t slot, uint32_t cookie, struct track_awaited *a)
{
    const struct flow *f = flow_at(t->table, slot);
    if (!f->taken || f->flags & FLOW_TWIN || !(f->flags & FLOW_BOUND) || !f->joined) return false;
    const struct flow_bind *b = track_bind_at(t, slot);
    if (!(b->flags & BIND_AWAITED) || b->seq_delta + b->retried != cookie || f->state != FLOW_STATE_SYN_SENT)
        return false;
    *a = (struct track_awaited){.flow = f, .bind = b, .joint = &flow_cold_at(t->table, slot)->joint};
    flow_id_of(t->table, slot, &a->id);
    return true;
}

void track_end_at(struct track *t, int32_t slot, enum flow_end how) { flow_end(t->table, slot, how, t->now_ns); }
