/* Binding of a flow: its server, its limits, and its addresses when it is sent on */
#include <string.h>

#include "vm/forward/edges.h"
#include "vm/forward/forward_priv.h"
#include "vm/forward/inline/conns.h"

/* Give the verdict for a packet that gets no server, for that reason, according to the service. */
static void without_server(const struct job *j, struct packet_ctx *c, const struct pbc_service *s,
                           enum pkt_reason reason)
{
    c->v->action = (uint8_t)service_without_server(s);
    c->v->server = PBC_NONE;
    if (c->proven && c->v->action == ACTION_ACCEPT) c->v->action = ACTION_REJECT; /* unknown to the host */
    if (c->v->action != ACTION_ACCEPT) c->v->reason = (uint8_t)reason;
    if (c->v->action == ACTION_ACCEPT) track_accept(j->vm->forward->track, c->key, c->pkt, &c->seen);
}

bool forward_is_drained(const struct job *j, struct packet_ctx *c, uint32_t service)
{
    if (__builtin_expect(!facts_service_drains(j->in->facts, service), 1)) return false;
    c->v->service = service;
    without_server(j, c, &j->vm->program->services[service], REASON_SERVICE_DRAINS);
    j->vm->forward->counters.drained++;
    return true;
}

uint32_t forward_kept(const struct vm *vm, uint32_t branch, const struct key *key)
{
    const struct forward *f = vm->forward;
    return held_server(&f->held, f->p, f->balance, branch, key, vm->now_ns);
}

/* True if the server would get its own packet back: it is its own client, and the mode keeps the source. No host
 * accepts packets from outside that have its own address as source. */
static bool is_own_client(const struct job *j, const struct packet_ctx *c, uint8_t mode, uint32_t server)
{
    if (mode_is(mode, MODE_OWN_SOURCE) || !(mode_rewrites(mode) & TRANSLATE_DST)) return false;
    return address_equal(c->key->src, j->vm->forward->p->servers[server].addr);
}

/* Return the server, or the next one in the pool's order if it would be its own client. */
static uint32_t past_itself(const struct job *j, const struct packet_ctx *c, uint8_t mode, uint32_t branch,
                            uint32_t server)
{
    if (server == PBC_NONE || !is_own_client(j, c, mode, server)) return server;
    const uint32_t next = balance_next(j->vm->forward->balance, branch, c->key, server);
    return next == PBC_NONE ? server : next;
}

bool forward_is_over_rate(const struct job *j, struct packet_ctx *c, const struct pbc_service *s)
{
    struct vm *vm = j->vm;
    return s->rate && meter_ask(vm->meters, s->rate - 1, c->key, vm->packets + c->at) != METER_WITHIN;
}

/* Return why the service takes no further flow of this client now. If it takes one, a place may be reserved. */
static enum pkt_reason limited(const struct job *j, struct packet_ctx *c, uint32_t branch, const struct client_key *k)
{
    struct forward *f = j->vm->forward;
    const struct pbc_service *s = forward_service(f->p, branch);
    const uint32_t service = f->p->branches[branch].service;
    if (forward_is_over_rate(j, c, s)) return REASON_OVER_RATE;
    if (!s->max_flows && !s->max_flows_per_source) return REASON_NONE;
    const struct flow_bind *old = track_bound(f->track, &c->seen); /* the new flow replaces it */
    const uint32_t own = old && old->kind == BIND_SERVICE && f->p->branches[old->branch].service == service;
    if (s->max_flows_per_source && client_flows(f->held.clients, k) - own >= s->max_flows_per_source)
        return REASON_MAX_FLOWS;
    if (s->max_flows && !conns_reserve(&f->held.conns, service, (uint64_t)s->max_flows + own)) return REASON_MAX_FLOWS;
    return REASON_NONE;
}

/* Arguments of is_free: the flow table and inline connections, and the packet that needs a tuple */
struct asking {
    struct track *track;
    const struct inlines *inlines; /* NULL: none, or not TCP */
    bool v6;
    const struct track_seen *seen;
    struct flow_tuple twin; /* the tuple that was found free */
};

/* True if no other flow has that tuple, its ends differ, and it is not the packet's own, which would come back. */
static bool is_free(void *arg, const struct flow_bind *b)
{
    struct asking *a = arg;
    const struct track_tuple t = track_bound_tuple(b);
    if (address_equal(t.src, t.dst) && t.src_port == t.dst_port) return false;
    if (a->inlines && inlines_has(a->inlines, t.src, t.src_port, t.dst, t.dst_port, a->v6)) return false;
    return track_is_free(a->track, a->seen, &t, &a->twin);
}

/* Set the packet's own ends, with the server's address and port if the mode writes them. */
static void set_ends(const struct job *j, struct packet_ctx *c, uint8_t rewrites, uint16_t query, struct flow_bind *b)
{
    const struct key *key = c->key;
    const struct pbc_server *server = &j->vm->forward->p->servers[b->server];
    const bool ports = key->kind & KIND_PORTS;
    memcpy(b->to_src, key->src, sizeof b->to_src);
    memcpy(b->to_dst, rewrites & TRANSLATE_DST ? server->addr : key->dst, sizeof b->to_dst);
    b->to_src_port = ports ? key->src_port : query;
    b->to_dst_port = ports ? key->dst_port : query;
    if (ports && rewrites & TRANSLATE_DST_PORT && server->port) b->to_dst_port = server->port;
}

/* Find the tuple with which the flow leaves. False: nothing is free. *twin: the other side's tuple differs from the
 * client's, and is in *asking. */
static bool choose_ends(struct asking *asking, const struct job *j, struct packet_ctx *c, struct flow_bind *b,
                        bool *twin)
{
    const uint8_t mode = forward_service(j->vm->forward->p, b->branch)->mode;
    set_ends(j, c, mode_rewrites(mode), track_query(&c->seen), b);
    asking->track = j->vm->forward->track;
    asking->inlines = c->key->kind & KIND_TCP ? j->vm->inlines : NULL;
    asking->v6 = c->key->kind & KIND_IP6;
    asking->seen = &c->seen;
    *twin = !mode_is(mode, MODE_ONE_SIDED);
    struct outside *o = j->vm->forward->outside;
    if (mode_is(mode, MODE_OWN_SOURCE)) {
        const bool takes = outside_take(o, j->in->facts, c->key, c->seen.hash, b, is_free, asking);
        if (takes && outside_is_short(o, b)) forward_note_short(j, c, *b);
        return takes ||
               (forward_yield(j, c, b) && outside_take(o, j->in->facts, c->key, c->seen.hash, b, is_free, asking));
    }
    /* The packet's own tuple, unchanged: a client of the server itself, if the service is on `any` */
    const bool unchanged =
        address_equal(b->to_src, c->key->src) && address_equal(b->to_dst, c->key->dst) &&
        (!(c->key->kind & KIND_PORTS) || (b->to_src_port == c->key->src_port && b->to_dst_port == c->key->dst_port));
    *twin = *twin && !unchanged;
    return !*twin || is_free(asking, b);
}

/* Begin the flow with its binding, and its twin if it has one. False: no flow could begin, and its port is given back.
 */
static bool bind(const struct job *j, struct packet_ctx *c, const struct flow_bind *b, struct flow_tuple *twin,
                 const struct client_key *k)
{
    struct forward *f = j->vm->forward;
    const struct pbc_service *s = forward_service(f->p, b->branch);
    const struct track_start start = {
        .one_sided = mode_is(s->mode, MODE_ONE_SIDED), .idle_ns = s->idle_ns, .twin = twin};
    struct flow_bind *kept = track_begin(f->track, c->key, c->pkt, &c->seen, &start);
    if (!kept) {
        outside_give(f->outside, b);
        return false;
    }
    *kept = *b;
    kept->flags |= track_age(f->track);
    forward_note_client(c->pkt, kept);
    conns_add(&f->held.conns, f->p->branches[b->branch].service, b->server);
    f->counters.bound++;
    f->counters.ports = outside_used(f->outside);
    if (held_by_client(s) && client_add(f->held.clients, k, program_server_id(f->p, b->server)))
        kept->flags |= BIND_CLIENT_KNOWN;
    if (twin && !track_pair(f->track, &c->seen, twin)) return false;
    if (c->proven) forward_join(j, c, kept);
    return true;
}

/* Send a packet that begins no flow by hash, if the mode keeps the source, so that an RST finds the server of its
 * connection. */
static void send_once(const struct job *j, struct packet_ctx *c, uint8_t mode, struct flow_bind *b)
{
    if (mode_is(mode, MODE_OWN_SOURCE)) {
        forward_refuse(c, REASON_NO_FLOW);
        return;
    }
    set_ends(j, c, mode_rewrites(mode), track_query(&c->seen), b);
    forward_to_server(j, c, b);
    forward_send(j, c, NULL);
}

static void try_begin(const struct job *j, struct packet_ctx *c, uint8_t mode, struct flow_bind *b,
                      const struct client_key *k)
{
    struct asking asking;
    bool twin;
    const enum pkt_reason reason = b->retried ? REASON_NONE : limited(j, c, b->branch, k);
    if (reason) {
        forward_refuse(c, reason);
        return;
    }
    if (!mode_is(mode, MODE_BRIDGES) && c->key->ttl <= 1) { /* nothing is created for the packet */
        edge_expired(j, c);
        forward_refuse(c, REASON_TTL_EXCEEDED);
        return;
    }
    if (forward_is_land(c->key) || is_own_client(j, c, mode, b->server)) {
        forward_refuse(c, REASON_SAME_ENDS);
        return;
    }
    if (!choose_ends(&asking, j, c, b, &twin)) {
        j->vm->forward->counters.exhausted++;
        forward_refuse(c, REASON_NO_SOURCE_PORT);
        return;
    }
    if (!bind(j, c, b, twin ? &asking.twin : NULL, k)) {
        forward_refuse(c, REASON_NO_FLOW);
        return;
    }
    forward_to_server(j, c, b);
    forward_send(j, c, NULL);
}

/* Begin the flow; a place that was reserved and is not used is released. */
static void begin_flow(const struct job *j, struct packet_ctx *c, uint8_t mode, struct flow_bind *b,
                       const struct client_key *k)
{
    struct forward *f = j->vm->forward;
    try_begin(j, c, mode, b, k);
    conns_release(&f->held.conns, f->p->branches[b->branch].service);
}

void forward_begin(const struct job *j, struct packet_ctx *c, uint32_t branch)
{
    const struct program *prog = j->vm->forward->p;
    const uint32_t service = prog->branches[branch].service;
    const uint8_t mode = prog->services[service].mode;
    const struct client_key k = held_client(prog, service, c->key->src, c->key->kind & KIND_IP6);
    struct flow_bind b = {.branch = branch, .space = PBC_NONE, .kind = BIND_SERVICE};
    if (forward_is_drained(j, c, service)) return;
    c->v->service = service;
    if (j->vm->forward->cookies && prog->services[service].flags & PBC_SERVICE_COOKIES && c->key->kind & KIND_TCP &&
        !c->proven && (balance_any(j->vm->forward->balance, branch, c->key) || !forward_is_syn(c->key))) {
        forward_syn(j, c);
        return;
    }
    const bool begins = track_may_begin(c->key, &c->seen);
    if (begins) track_ask_room(j->vm->forward->track, &c->seen);
    uint32_t server = forward_kept(j->vm, branch, c->key);
    if (server == PBC_NONE) server = balance_pick(j->vm->forward->balance, branch, c->key).server;
    c->v->server = b.server = past_itself(j, c, mode, branch, server);
    if (b.server == PBC_NONE)
        without_server(j, c, &prog->services[service], REASON_NO_SERVER);
    else if (begins)
        begin_flow(j, c, mode, &b, &k);
    else
        send_once(j, c, mode, &b);
}

void forward_begin_again(const struct job *j, struct packet_ctx *c, struct flow_bind b)
{
    const struct program *prog = j->vm->forward->p;
    const uint32_t service = prog->branches[b.branch].service;
    const struct client_key k = held_client(prog, service, c->key->src, c->key->kind & KIND_IP6);
    c->v->service = service;
    c->v->server = b.server;
    track_ask_room(j->vm->forward->track, &c->seen);
    begin_flow(j, c, prog->services[service].mode, &b, &k);
}

/* Checks only the rate of the service's limits; the proxy checks the others when it accepts (service.h). */
void forward_proxied(const struct job *j, struct packet_ctx *c, uint32_t branch, bool begins)
{
    struct vm *vm = j->vm;
    const struct pbc_service *s = forward_service(vm->forward->p, branch);
    c->v->service = vm->forward->p->branches[branch].service;
    c->left = (struct leave){.service = c->v->service, .server = PBC_NONE, .iface = IFACE_NONE, .way = LEAVE_TO_SERVER};
    begins &= forward_is_syn(c->key) && track_may_begin(c->key, &c->seen);
    enum pkt_reason reason = begins && forward_is_over_rate(j, c, s) ? REASON_OVER_RATE : REASON_NONE;
    if (!reason) reason = forward_follow(j, c);
    /* Live, only a connection's first packet comes here, and the host's socket has the rest, so no flow is kept. If
     * rules count a source's flows, the connection counts as long as an unanswered flow. */
    if (reason)
        forward_refuse(c, reason);
    else if (!vm->cfg.live || vm->forward->p->meta->flags & PBC_COUNTS_FLOWS)
        track_accept(vm->forward->track, c->key, c->pkt, &c->seen);
}

uint32_t forward_branch(const struct vm *vm, const struct key *key, struct pkt *pkt)
{
    const struct program *p = vm->program;
    decided taken;
    if (!p->services_count) return PBC_NONE;
    if (vm->cfg.naive) return service_branch(p, key, pkt);
    run_code(p, p->meta->services, key, &pkt, 1, NULL, NULL, &taken);
    return decided_action(taken) == ACTION_FORWARD ? decided_rule(taken) : PBC_NONE;
}
