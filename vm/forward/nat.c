/* Translation: flows that a nat's statement takes, since no service did (forward/bind/nat.h). */
#include <string.h>

#include "vm/forward/edges.h"
#include "vm/forward/forward_priv.h"

void forward_to_end(const struct passing *p, const struct flow_bind *b)
{
    struct leave *l = &p->f->left;
    *l = (struct leave){.service = PBC_NONE,
                        .server = PBC_NONE,
                        .hash = (uint32_t)(p->seen->hash >> 8),
                        .iface = nat_way_out(p->f->nat, b),
                        .way = LEAVE_ROUTED};
    memcpy(l->to.src, b->to_src, sizeof l->to.src);
    memcpy(l->to.dst, b->to_dst, sizeof l->to.dst);
    l->to.src_port = b->to_src_port;
    l->to.dst_port = b->to_dst_port;
    l->to.what = forward_changes(p->key, &l->to, UINT8_MAX);
}

void forward_nat_on(const struct passing *p, struct flow_bind *b)
{
    forward_to_end(p, b);
    if (!forward_send(p, NULL)) return;
    nat_count(p->f->nat, b, p->pkt->wire_len);
    forward_heard_client(p, b);
    track_accept(p->f->track, p->key, p->pkt, p->seen);
}

/* The tuple by which the other side's packets come. False: nobody could tell them from those of another flow, or they
 * would be the packet itself. */
static bool other_side(const struct passing *p, const struct flow_bind *b, struct track_tuple *t)
{
    *t = (struct track_tuple){.src_port = b->to_src_port, .dst_port = b->to_dst_port};
    memcpy(t->src, b->to_src, sizeof t->src);
    memcpy(t->dst, b->to_dst, sizeof t->dst);
    return track_is_free(p->f->track, p->seen, t);
}

static enum pkt_reason begin(const struct passing *p, const struct flow_bind *b)
{
    struct forward *f = p->f;
    struct track_tuple t;
    if (!other_side(p, b, &t)) {
        nat_alike(f->nat);
        return REASON_NO_SOURCE_PORT;
    }
    struct flow_bind *kept = track_begin(f->track, p->key, p->pkt, p->seen, false, 0);
    if (!kept) return REASON_NO_FLOW;
    *kept = *b;
    forward_note_client(p->pkt, kept);
    if (p->key->kind & KIND_UDP && f->udp_idle_ns) track_idle(f->track, p->seen, f->udp_idle_ns);
    track_pair(f->track, p->seen, &t);
    forward_to_end(p, b);
    if (forward_send(p, NULL)) nat_count(f->nat, b, p->pkt->wire_len);
    return REASON_NONE;
}

/* The packet's stack has an id, or gets one in *held, for the mapping tells hosts apart by it. */
static bool know_stack(const struct passing *p, uint16_t *held)
{
    *held = STACK_UNKNOWN;
    if (p->seen->id.stack != STACK_UNKNOWN) return true;
    if (!track_hold_stack(p->f->track, p->pkt, p->seen)) return false;
    *held = p->seen->id.stack;
    return true;
}

static enum pkt_reason take(const struct passing *p)
{
    struct nat *n = p->f->nat;
    const struct flow_id id = p->seen->id;
    struct flow_bind b;
    if (nat_choose(n, p->key, track_query(p->seen), id.stack, false, &b) != NAT_BOUND) return REASON_NO_SOURCE_PORT;
    const enum pkt_reason reason = begin(p, &b);
    if (reason) nat_drop(n, &b, &id, track_from_high(p->seen));
    return reason;
}

bool forward_nat_begin(const struct passing *p)
{
    struct forward *f = p->f;
    const bool may_begin = track_may_begin(p->key, p->seen);
    struct flow_bind b;
    uint16_t held;
    enum pkt_reason reason = REASON_NO_FLOW;
    if (!f->nat || nat_choose(f->nat, p->key, 0, p->seen->id.stack, true, &b) == NAT_NOTHING) return false;
    if (may_begin && p->key->ttl <= 1) { /* nothing is left behind for it */
        edge_expired(p->j, p->at, p->pkt, p->key);
        reason = REASON_TTL_EXCEEDED;
    } else if (may_begin && know_stack(p, &held)) {
        reason = take(p);
        if (held != STACK_UNKNOWN) track_drop_stack(f->track, held);
    }
    f->counters.exhausted += reason == REASON_NO_SOURCE_PORT;
    if (reason) forward_refuse(p, reason);
    return true;
}
