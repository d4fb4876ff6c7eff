/* Servers that went down (`on down reset`): their flows end, at their next packet or in the sweep, and both sides get a
 * reset if their numbers are known */
#include "vm/forward/forward_priv.h"
#include "vm/packet/parse/header.h"

enum { SWEEP_FLOWS = 1 << 14, LIVE_FLOWS = 128, RESETS = 2 /* for a flow: one per side */ };

bool forward_is_down(const struct job *j, const struct flow_bind *b, bool tcp, enum flow_dir dir)
{
    const struct program *p = j->vm->program;
    if (b->kind != BIND_SERVICE) return false;
    const bool resets = p->pools[p->servers[b->server].pool].on_down == PBC_DOWN_RESET;
    if (__builtin_expect(!program_is_past(p, b->server), 1))
        return facts_down(j->in->facts, b->server, false) && resets;
    /* The server left the program: TCP flows drain, then end according to `on down`; others begin again with the
     * client's next packet */
    if (!tcp) return dir == FLOW_ORIGINAL;
    return resets && j->vm->now_ns >= p->past->until_ns[b->server - p->past->servers];
}

uint64_t forward_next_drained(const struct program *p, uint64_t now_ns)
{
    uint64_t next = UINT64_MAX;
    for (uint32_t i = p->past ? p->past->servers : p->servers_count; i < p->servers_count; i++) {
        const uint64_t until = p->past->until_ns[i - p->past->servers];
        if (until > now_ns && until < next) next = until;
    }
    return next;
}

uint64_t forward_drained_ns(const struct forward *f) { return f->drained_ns; }

static void reset_server(const struct speech *e)
{
    struct flow_segment s = {.flags = TCP_RST, .seq = e->flow->tcp.side[FLOW_ORIGINAL].end};
    e->f->counters.resets += forward_say_server(e, &s, TX_CAUSE_RST);
}

void forward_reset_server(const struct job *j, const struct flow *flow, const struct track_tuple *own,
                          const struct flow_bind *b)
{
    struct speech e;
    if (flow->proto != IPPROTO_NR_TCP) return;
    forward_speech(&e, j, flow, own, b);
    reset_server(&e);
}

/* Reset both sides; for a DSR flow only the client, because the server's numbers are not known here. The client's reset
 * has the number after the server's last (DSR: the client's last acknowledgement). If the client has acknowledged
 * nothing, its reset acknowledges its SYN. */
static void reset_both(const struct speech *e)
{
    if (e->flow->proto != IPPROTO_NR_TCP || e->flow->state == FLOW_STATE_RESET) return;
    /* The client is reset with its expected number if it has one */
    const struct tcp_track *t = &e->flow->tcp;
    const bool heard = t->flags & TCP_TRACK_HEARD_REPLY;
    struct flow_segment s = {.flags = TCP_RST};
    s.seq = heard ? t->side[FLOW_REPLY].end : t->side[FLOW_ORIGINAL].acked;
    if (e->flow->joined) {
        s.seq = e->bind->flags & BIND_AWAITED ? e->bind->seq_delta + 1 : s.seq - e->bind->seq_delta;
    } else if (!s.seq || (!heard && e->flow->state == FLOW_STATE_SYN_SENT)) {
        s.seq = 0;
        s.flags |= TCP_ACK;
        s.ack = t->side[FLOW_ORIGINAL].end;
    }
    e->f->counters.resets += forward_say_client(e, &s, TX_CAUSE_RST);
    if (!(e->flow->flags & FLOW_ONE_SIDED)) reset_server(e);
}

void forward_reset(const struct job *j, struct packet_ctx *c)
{
    struct forward *f = j->vm->forward;
    const struct track_tuple own = track_own(f->track, &c->seen);
    struct speech e;
    forward_speech(&e, j, track_flow(f->track, &c->seen), &own, track_bound(f->track, &c->seen));
    if (j->input != INPUT_NONE) e.input = j->input + c->at;
    e.cookie = c->pkt->cookie;
    reset_both(&e);
    track_end(f->track, &c->seen, FLOW_END_SERVER_DOWN);
    forward_refuse(c, REASON_SERVER_DOWN);
}

static bool sweep_one(void *arg, const struct flow *flow, const struct flow_id *id, const struct flow_bind *b)
{
    const struct job *j = arg;
    if (!forward_is_down(j, b, flow->proto == IPPROTO_NR_TCP, FLOW_REPLY)) return false;
    const struct track_tuple own = track_tuple_of(id, flow->flags & FLOW_OPENED_BY_HIGH);
    struct speech e;
    forward_speech(&e, j, flow, &own, b);
    reset_both(&e);
    return true;
}

static bool any_down(const struct program *p, const struct facts *facts)
{
    if (!facts || !facts->down) return false;
    for (uint32_t i = 0; i < p->servers_count; i++)
        if (facts->down[i] && p->pools[p->servers[i].pool].on_down == PBC_DOWN_RESET) return true;
    return false;
}

unsigned forward_room(const struct job *j)
{
    enum { LIVE_ENTRIES = 32 };
    const unsigned few = j->tx->count + LIVE_ENTRIES;
    return j->vm->cfg.live && few < j->tx->cap ? few : j->tx->cap;
}

bool forward_tick(const struct job *j)
{
    struct forward *f = j->vm->forward;
    const struct facts *facts = j->in->facts;
    outside_at(f->outside, j->vm->now_ns);
    if (f->nat) nat_at(f->nat, j->vm->now_ns);
    const uint64_t generation = facts ? facts->generation : 0;
    if (facts != f->facts || generation != f->generation) {
        f->facts = facts;
        f->generation = generation;
        f->hand = 0;
        f->sweeping = any_down(f->p, facts);
    }
    if (j->vm->now_ns >= f->drained_ns) {
        f->drained_ns = forward_next_drained(f->p, j->vm->now_ns);
        f->hand = 0;
        f->sweeping = true;
    }
    const unsigned most = j->vm->cfg.live ? LIVE_FLOWS : SWEEP_FLOWS, room = forward_room(j);
    for (unsigned i = 0; f->sweeping && i < most && j->tx->count + RESETS <= room; i++)
        f->sweeping = track_visit_bound(f->track, &f->hand, 1, sweep_one, FLOW_END_SERVER_DOWN, (void *)(uintptr_t)j);
    return f->sweeping;
}
