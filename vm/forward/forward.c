/* Flows that are sent on, see forward.h: their life, their packets in both directions, errors about either */
#include "vm/forward/forward_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/forward/edges.h"
#include "vm/forward/inline/inline.h"
#include "vm/packet/wire.h"

/* Release the resources of a bound flow that has ended. */
static void unbound(void *arg, const struct flow_bind *b, const struct flow_id *id, bool opened_by_high,
                    const struct track_ended *when)
{
    struct forward *f = arg;
    if (b->kind != BIND_SERVICE) {
        nat_leave(f->nat, b, id, opened_by_high, when->now_ns, when->rests_ns);
        return;
    }
    const uint32_t service = f->p->branches[b->branch].service;
    outside_leave(f->outside, b, when->now_ns, when->rests_ns);
    conns_drop(&f->held.conns, service, b->server);
    f->counters.bound--;
    f->counters.ports = outside_used(f->outside);
    if (!(b->flags & BIND_CLIENT_KNOWN)) return;
    const struct client_key k = held_client(f->p, service, opened_by_high ? id->high : id->low, id->kind & FLOW_ID_IP6);
    client_drop(f->held.clients, &k, when->now_ns, f->p->services[service].affinity_ns);
}

struct forward *forward_new(const struct program *p, const struct vm_cfg *cfg)
{
    const bool nats = program_all_nats(p);
    struct forward *f = calloc(1, sizeof *f);
    if (!f) return NULL;
    f->p = p;
    f->drained_ns = UINT64_MAX;
    f->datagram = (uint32_t)cfg->seed;
    f->draws = cfg->seed ^ 0x7969656c; /* differs from the numbers of ports */
    if (!cfg->careful && !cfg->naive) forward_begin_recipes(f);
    f->outside = outside_new(p, cfg);
    if (nats) f->nat = nat_new(p, cfg);
    if (nats) f->udp_idle_ns = program_udp_idle_ns(p);
    bool failed = false;
    if (!cfg->no_cookies) f->cookies = cookies_new(p, cfg->seed, &failed);
    if (held_init(&f->held, p, cfg) && f->outside && (f->nat || !nats) && !failed) return f;
    forward_free(f);
    return NULL;
}

void forward_attach(struct forward *f, struct track *t, struct balance *b)
{
    f->track = t;
    f->balance = b;
    balance_by(b, f->held.conns.servers);
    balance_share(b, &f->held.conns.share);
    track_on_unbound(t, unbound, f);
}

void forward_free(struct forward *f)
{
    if (!f) return;
    cookies_free(f->cookies);
    nat_free(f->nat);
    outside_free(f->outside);
    held_fini(&f->held);
    free(f->least);
    free(f);
}

const struct forward_counters *forward_counters(const struct forward *f) { return &f->counters; }
const struct conns *forward_conns(const struct forward *f) { return &f->held.conns; }
const struct nat_counters *forward_nat_counters(const struct forward *f)
{
    return f->nat ? nat_counters(f->nat) : NULL;
}
struct outside *forward_outside(const struct forward *f) { return f->outside; }

void forward_facts(struct forward *f, const struct facts *facts)
{
    if (f->nat) nat_facts(f->nat, facts);
    forward_renew_recipes(f, facts);
}

uint8_t forward_changes(const struct key *key, const struct translation *to, uint8_t may)
{
    const bool query = key->kind & (KIND_ICMP | KIND_ICMP6);
    unsigned what = 0;
    if (!address_equal(to->src, key->src)) what |= TRANSLATE_SRC;
    if (!address_equal(to->dst, key->dst)) what |= TRANSLATE_DST;
    if (query || (key->kind & KIND_PORTS && to->src_port != key->src_port)) what |= TRANSLATE_SRC_PORT;
    if (query || (key->kind & KIND_PORTS && to->dst_port != key->dst_port)) what |= TRANSLATE_DST_PORT;
    return (uint8_t)(what & may);
}

void forward_refuse(struct packet_ctx *c, enum pkt_reason reason)
{
    c->v->action = ACTION_DROP;
    c->v->reason = (uint8_t)reason;
    c->left.way = LEAVE_NOT;
}

bool forward_refuse_group(const struct job *j, struct packet_ctx *c)
{
    if (__builtin_expect(!edge_to_stations(j->in->facts, c->pkt, c->key), 1)) return false;
    forward_refuse(c, REASON_GROUP_FRAME);
    return true;
}

bool forward_send(const struct job *j, struct packet_ctx *c, const struct translation *quoted)
{
    struct forward *f = j->vm->forward;
    struct splice room;
    struct splice *splice = f->cookies ? forward_splice(j, c, &room) : NULL;
    c->quoted = quoted;
    c->splice = splice;
    c->clock_ms = splice ? forward_clock(j) : 0;
    c->datagram = f->datagram++;
    const enum pkt_reason reason = mode_send(j, c);
    if (splice) joint_keep(track_joint(f->track, &c->seen), splice);
    if (reason) forward_refuse(c, reason);
    return !reason;
}

enum pkt_reason forward_follow(const struct job *j, struct packet_ctx *c)
{
    c->quoted = NULL;
    c->splice = NULL;
    c->datagram = j->vm->forward->datagram++;
    if (edge_to_stations(j->in->facts, c->pkt, c->key)) return REASON_GROUP_FRAME;
    switch ((enum leave_way)c->left.way) {
    case LEAVE_NOT: return REASON_NO_FLOW; /* the first fragment was not sent, or waits */
    case LEAVE_SPLICED: return inline_later_fragment(j, c);
    default: return mode_send(j, c);
    }
}

bool forward_note_client(const struct pkt *pkt, struct flow_bind *b)
{
    const uint64_t source = pkt->link == LINK_ETHER ? pkt_mac(pkt, false) : 0;
    const uint64_t mac = source >> 40 & 1 ? 0 : source; /* a group address is not a host's */
    if (wire_get48(b->client_mac) == mac && b->client_iface == pkt->iface) return false;
    wire_put48(b->client_mac, mac);
    b->client_iface = pkt->iface;
    return true;
}

struct way_back forward_back(const struct facts *f, const struct flow_bind *b)
{
    if (b->flags & BIND_BY_HOST) return (struct way_back){0, IFACE_NONE};
    return edge_back(f, b->client_iface, wire_get48(b->client_mac));
}

bool forward_is_clients(const struct job *j, const struct packet_ctx *c, const struct flow_bind *b)
{
    if (wire_get48(b->client_mac) == BIND_UNSERVED) return false;
    if (b->client_iface == IFACE_NONE) return true;
    return c->routed ? facts_known_as(j->in->facts, b->client_iface) == c->key->iface
                     : b->client_iface == c->pkt->iface;
}

/* True if the opener's interface leads nowhere now, so its packets may come by another one. */
static bool is_cut_off(const struct job *j, const struct flow_bind *b)
{
    const struct facts_iface *one = facts_iface(j->in->facts, b->client_iface);
    return one && one->down;
}

/* Note where replies go: a station of the interface that the flow began by, while that is up. A packet that anybody can
 * send in the client's name does not change it: one that comes by another interface, a segment that the flow does not
 * accept, a SYN on an open flow. */
void forward_heard_client(const struct job *j, struct packet_ctx *c, struct flow_bind *b)
{
    const struct flow *flow = track_flow(j->vm->forward->track, &c->seen);
    if (c->seen.mark == MARK_INVALID) return;
    if (c->routed || (forward_is_syn(c->key) && flow->tcp.flags & TCP_TRACK_HEARD_REPLY)) return;
    if (!forward_is_clients(j, c, b) && !is_cut_off(j, b)) return;
    if (b->flags & BIND_BY_HOST) track_drop_recipes(j->vm->forward->track, &c->seen);
    b->flags &= (uint8_t)~BIND_BY_HOST;
    if (forward_note_client(c->pkt, b)) track_drop_recipes(j->vm->forward->track, &c->seen);
}

struct translation forward_ends(const uint32_t src[4], uint16_t src_port, const uint32_t dst[4], uint16_t dst_port)
{
    struct translation to = {.src_port = src_port, .dst_port = dst_port};
    memcpy(to.src, src, sizeof to.src);
    memcpy(to.dst, dst, sizeof to.dst);
    return to;
}

void forward_to_server(const struct job *j, struct packet_ctx *c, const struct flow_bind *b)
{
    const struct program *prog = j->vm->forward->p;
    const uint32_t service = prog->branches[b->branch].service;
    const struct facts *facts = j->in->facts;
    const uint16_t way_out = facts_way(facts ? facts->server_out : NULL, b->server);
    struct leave *l = &c->left;
    *l = (struct leave){.to = forward_ends(b->to_src, b->to_src_port, b->to_dst, b->to_dst_port),
                        .service = service,
                        .server = b->server,
                        .hash = (uint32_t)(c->seen.hash >> 8),
                        .iface = way_out,
                        .way = LEAVE_TO_SERVER};
    l->to.what = forward_changes(c->key, &l->to, mode_rewrites(prog->services[service].mode));
}

static void to_client(const struct job *j, struct packet_ctx *c, const struct flow_bind *b,
                      const struct track_tuple *own)
{
    const struct way_back back = forward_back(j->in->facts, b);
    struct leave *l = &c->left;
    *l = (struct leave){.service = c->v->service,
                        .server = b->server,
                        .hash = (uint32_t)(c->seen.hash >> 8),
                        .iface = back.iface,
                        .way = b->flags & BIND_BY_HOST ? LEAVE_TO_HOST : LEAVE_TO_CLIENT};
    wire_put48(l->mac, back.mac);
    l->to = forward_ends(own->dst, own->dst_port, own->src, own->src_port);
    l->to.what = forward_changes(c->key, &l->to, UINT8_MAX);
}

bool forward_to_client(const struct job *j, struct packet_ctx *c, const struct flow_bind *b,
                       const struct track_tuple *own)
{
    to_client(j, c, b, own);
    if (b->kind != BIND_SERVICE) c->left.mss = nat_mss(j->vm->forward->nat, b);
    j->vm->forward->counters.replies++;
    if (!forward_send(j, c, NULL)) return false;
    if (b->kind != BIND_SERVICE) nat_count(j->vm->forward->nat, b->nat, (struct counter){1, c->pkt->wire_len});
    forward_keep_recipe(j, c, b);
    return true;
}

/* Set the source of an error. If `end` itself sends the error, it is `seen_as`, as the other side knows that end. An
 * error from a router on the way keeps the router's address, unless translation hides that, too (RFC 5508, 4.2). */
static void set_speaker(struct packet_ctx *c, const struct flow_bind *b, const uint32_t end[4],
                        const uint32_t seen_as[4])
{
    const bool hidden = b->kind != BIND_SERVICE && !address_equal(end, seen_as);
    struct translation *to = &c->left.to;
    memcpy(to->src, hidden || address_equal(c->key->src, end) ? seen_as : c->key->src, sizeof to->src);
    to->what = TRANSLATE_SRC | TRANSLATE_DST;
}

/* Send the client an error about a packet sent on to the server, quoting the client's packet. */
static void send_error_to_client(const struct job *j, struct packet_ctx *c, const struct flow_bind *b,
                                 const struct track_tuple *own)
{
    struct translation quoted = forward_ends(own->src, own->src_port, own->dst, own->dst_port);
    quoted.what = UINT8_MAX;
    to_client(j, c, b, own);
    c->from = b->to_dst;
    c->via = NULL;
    set_speaker(c, b, b->to_dst, own->dst);
    forward_send(j, c, &quoted);
}

/* Send the server an error about its reply, which names the service, quoting the server's packet. Quotes to a server
 * in a tunnel, or reached by MAC address, are not changed. */
static void send_error_to_server(const struct job *j, struct packet_ctx *c, const struct flow_bind *b,
                                 const struct track_tuple *own)
{
    struct translation quoted = forward_ends(b->to_dst, b->to_dst_port, b->to_src, b->to_src_port);
    const bool service = b->kind == BIND_SERVICE;
    if (service)
        forward_to_server(j, c, b);
    else
        forward_to_end(j, c, b, own->src);
    c->via = NULL;
    if (!service) forward_error_hop(j, c, b, own->src);
    c->from = own->src;
    set_speaker(c, b, own->src, b->to_src);
    quoted.what = UINT8_MAX;
    quoted.seq = b->seq_delta;
    const bool rewritten = !service || mode_is(j->vm->forward->p->services[c->left.service].mode, MODE_REWRITES);
    forward_send(j, c, rewritten ? &quoted : NULL);
}

/* Begin the verdict of a reply or an error. Neither is judged: the other direction was. */
static void begin_reply(const struct forward *f, struct packet_ctx *c, const struct flow_bind *b)
{
    *c->v = (struct verdict){.action = ACTION_FORWARD,
                             .flags = VERDICT_REPLY,
                             .rule = RULE_NONE,
                             .firewall = PBC_NONE,
                             .service = b->branch == PBC_NONE ? PBC_NONE : f->p->branches[b->branch].service,
                             .server = b->server};
    c->left.way = LEAVE_NOT;
}

void forward_error_on(const struct job *j, struct packet_ctx *c)
{
    struct forward *f = j->vm->forward;
    const struct flow_bind *b = track_bound(f->track, &c->seen);
    const struct track_tuple own = track_own(f->track, &c->seen);
    begin_reply(f, c, b);
    if (forward_refuse_group(j, c)) return;
    f->counters.errors++;
    if (!c->seen.twin) {
        send_error_to_server(j, c, b, &own);
        return;
    }
    forward_refused(j, c, b);
    send_error_to_client(j, c, b, &own);
}

void forward_error(const struct job *j, struct packet_ctx *c)
{
    forward_error_on(j, c);
    settle_whole(j, c);
}

/* Refuse an invalid reply to translated packets, because rules do not judge it, and an outside host chooses its
 * contents. */
static bool is_no_answer(struct packet_ctx *c, const struct flow_bind *b)
{
    if (b->kind == BIND_SERVICE || c->seen.mark != MARK_INVALID) return false;
    forward_refuse(c, REASON_INVALID);
    return true;
}

void forward_reply(const struct job *j, struct packet_ctx *c)
{
    struct forward *f = j->vm->forward;
    struct flow_bind *b = track_bound(f->track, &c->seen);
    const struct track_tuple own = track_own(f->track, &c->seen);
    begin_reply(f, c, b);
    if (forward_refuse_group(j, c) || (!forward_challenged(j, c, b, &own) && is_no_answer(c, b))) {
        settle_whole(j, c);
        return;
    }
    if (__builtin_expect(c->key->marks & TCP_RST, 0)) forward_refused(j, c, b);
    if (forward_rerouted(j, c, b)) {
        settle_whole(j, c);
        return;
    }
    if (forward_is_down(j, b, c->key->kind & KIND_TCP, FLOW_REPLY))
        forward_reset(j, c);
    else if (__builtin_expect(b->flags & BIND_AWAITED || (b->seq_delta && c->key->marks & TCP_SYN), 0))
        forward_answered(j, c, b, &own);
    else if (forward_to_client(j, c, b, &own) && !c->seen.next.reopen)
        track_accept(f->track, c->key, c->pkt, &c->seen);
    settle_whole(j, c);
}

static void server_go_on(const struct job *j, struct packet_ctx *c, struct flow_bind *b)
{
    forward_serve(j, c, b);
    c->v->action = ACTION_FORWARD;
    forward_to_server(j, c, b);
    if (!forward_send(j, c, NULL)) return;
    forward_heard_client(j, c, b);
    forward_keep_recipe(j, c, b);
    track_accept(j->vm->forward->track, c->key, c->pkt, &c->seen);
}

/* Send a packet of a service's flow. False: the server is down and the flow has ended; the packet may begin another. */
static bool to_its_server(const struct job *j, struct packet_ctx *c, struct flow_bind *b)
{
    struct forward *f = j->vm->forward;
    if (!forward_is_down(j, b, c->key->kind & KIND_TCP, FLOW_ORIGINAL)) {
        if (__builtin_expect(b->flags & BIND_AWAITED, 0))
            forward_early(j, c, b);
        else if (!forward_retry(j, c))
            server_go_on(j, c, b);
        return true;
    }
    /* A SYN or a packet of another protocol gets a new server */
    if (c->key->kind & KIND_TCP && (c->key->marks & (TCP_SYN | TCP_ACK)) != TCP_SYN) {
        forward_serve(j, c, b);
        forward_reset(j, c);
        return true;
    }
    track_end(f->track, &c->seen, FLOW_END_SERVER_DOWN);
    track_look(f->track, c->key, c->pkt, &c->seen);
    return false;
}

/* Begin the verdict: service and server are filled in later. */
static void begin_verdict(struct packet_ctx *c)
{
    *c->v = (struct verdict){.action = ACTION_FORWARD,
                             .rule = decided_rule(c->decision),
                             .firewall = decided_firewall(c->decision),
                             .service = PBC_NONE,
                             .server = PBC_NONE};
    c->left.way = LEAVE_NOT;
}

static bool settle_sent(const struct job *j, struct packet_ctx *c, bool sent)
{
    if (sent) settle_whole(j, c);
    return sent;
}

static bool is_proxied(const struct program *p, uint32_t branch)
{
    return branch != PBC_NONE && mode_is(forward_service(p, branch)->mode, MODE_PROXIES);
}

/* True if connections of the branch's service end in the inline stack. A replay follows them as any proxy's. */
static bool is_inline(const struct vm *vm, uint32_t branch)
{
    return vm->inlines && mode_is(forward_service(vm->forward->p, branch)->mode, MODE_INLINE_STACK);
}

/* True if the flow began with a packet in mid-stream without a reply: such a flow does not keep a later SYN from a
 * service in the wire. */
static bool is_hollow(const struct job *j, const struct packet_ctx *c)
{
    const struct flow *flow = track_flow(j->vm->forward->track, &c->seen);
    return flow->state == FLOW_STATE_PICKED_UP && !(flow->tcp.flags & TCP_TRACK_HEARD_REPLY);
}

/* Send a packet that is not for the vm's flows to the host, if it may belong to a connection that a proxy took. */
static bool plain_on(const struct job *j, struct packet_ctx *c)
{
    const struct program *p = j->vm->forward->p;
    const uint32_t branch = p->proxies_count ? forward_branch(j->vm, c->key, c->pkt) : PBC_NONE;
    if (!is_proxied(p, branch)) return false;
    if (forward_refuse_group(j, c)) return true;
    const bool in_wire = mode_is(forward_service(p, branch)->mode, MODE_INLINE);
    if (is_inline(j->vm, branch)) return (is_hollow(j, c) || !in_wire) && inline_first(j, c, branch);
    forward_proxied(j, c, branch, false);
    return true;
}

bool forward_other(const struct job *j, struct packet_ctx *c)
{
    begin_verdict(c);
    /* An ICMP error about no flow may be refused by a nat; one about an untranslated flow stays as it is, too */
    const bool stray_error = track_is_error(&c->seen) && !(c->key->marks & MARK_RELATED);
    return settle_sent(j, c, stray_error ? forward_nat_begin(j, c) : plain_on(j, c));
}

static bool begin_new(const struct job *j, struct packet_ctx *c)
{
    const uint32_t branch = forward_branch(j->vm, c->key, c->pkt);
    if (branch == PBC_NONE) return forward_nat_begin(j, c);
    if (forward_refuse_group(j, c)) return true;
    if (is_inline(j->vm, branch)) return inline_first(j, c, branch);
    if (is_proxied(j->vm->forward->p, branch))
        forward_proxied(j, c, branch, true);
    else
        forward_begin(j, c, branch);
    return true;
}

bool forward_first(const struct job *j, struct packet_ctx *c)
{
    begin_verdict(c);
    return settle_sent(j, c, begin_new(j, c));
}

bool forward_on(const struct job *j, struct packet_ctx *c)
{
    struct flow_bind *b = track_bound(j->vm->forward->track, &c->seen);
    begin_verdict(c);
    if (forward_refuse_group(j, c)) return settle_sent(j, c, true);
    if (forward_is_hosts(j, c)) {
        forward_heard_client(j, c, b);
        return false;
    }
    if (b->kind != BIND_SERVICE)
        forward_nat_on(j, c, b);
    else if (!to_its_server(j, c, b))
        return settle_sent(j, c, begin_new(j, c));
    return settle_sent(j, c, true);
}

/* Describe the server, with the reason for it. */
static bool explained(const struct program *p, uint32_t branch, uint32_t server, const char *why, struct served *s)
{
    s->branch = branch;
    s->pool = p->servers[server].pool;
    s->server = server;
    snprintf(s->how, sizeof s->how, "%s -> %s", why, program_str(p, p->servers[server].name));
    return true;
}

bool forward_explain(struct vm *vm, const struct facts *facts, const struct key *key, const struct pkt *pkt,
                     struct served *s)
{
    struct key now = *key;
    struct track_seen seen;
    track_peek(vm->track, &now, pkt, &seen);
    const struct flow_bind *b = track_bound(vm->track, &seen);
    const struct program *p = vm->program;
    if (b && b->kind == BIND_SERVICE && !seen.next.reopen) {
        uint32_t next = seen.twin ? PBC_NONE : forward_retry_server(vm->forward, key, &seen);
        if (next == PBC_NONE && forward_proves(vm, key, pkt, &seen)) next = forward_awaited_server(vm, key, &seen);
        if (next == PBC_NONE) return explained(p, b->branch, b->server, "the flow's server", s);
        return explained(p, b->branch, next, "the flow's server didn't reply, so the next server", s);
    }
    const uint32_t branch = service_branch(p, key, pkt);
    if (branch == PBC_NONE || facts_service_drains(facts, p->branches[branch].service)) return false;
    const uint32_t kept = forward_kept(vm, branch, key);
    return kept != PBC_NONE && explained(p, branch, kept, "kept for its source by `affinity`", s);
}
