/* Services with `syn cookies` (cookie/README.md): prey answers SYNs, begins a flow with the segment that proves a
 * cookie, and asks the server in the client's name */
#include <stdlib.h>

#include "vm/forward/cookie/may_prove.h"
#include "vm/forward/cookie/waits.h"
#include "vm/forward/edges.h"
#include "vm/forward/forward_priv.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/parse/read.h"
#include "vm/packet/reply/frame.h"

struct cookies {
    struct cookie_secret secret;
    struct waits waits;
};

/* A segment's header and options, and, if it proves a cookie, the proof */
struct proven {
    struct cookie_proof proof;
    struct tcp_header header;
    struct tcp_syn_options options;
};

static void read_header(const struct packet_ctx *c, struct proven *p)
{
    tcp_header_read(c->pkt, c->key, &p->header);
    tcp_syn_options_read(c->pkt, &p->options);
}

struct cookies *cookies_new(const struct program *p, uint64_t seed, bool *failed)
{
    if (!program_has_cookies(p)) return NULL;
    struct cookies *c = calloc(1, sizeof *c);
    *failed = !c;
    if (c) cookie_secret(&c->secret, seed);
    return c;
}

void cookies_free(struct cookies *c) { free(c); }

bool cookies_archive(struct cookies *c, struct archive *a, uint32_t slots)
{
    ARCHIVE(a, c->secret);
    return waits_archive(&c->waits, a, slots);
}

void cookies_move(struct cookies *c, struct cookies *from) { c->secret = from->secret; }

void cookies_move_waits(struct cookies *c, const struct cookies *from, struct track *t, const struct track *was)
{
    for (unsigned time = 0; time < WAIT_TIMES; time++)
        for (uint32_t i = 0; i < from->waits.count[time]; i++) {
            struct wait one = from->waits.rings[time][(from->waits.first[time] + i) % WAIT_MOST];
            struct track_awaited awaited;
            if (!track_awaits(was, one.slot, one.cookie, &awaited)) continue;
            one.slot = track_moved(t, was, &awaited.id);
            if (one.slot != FLOW_NONE) waits_put(&c->waits, time, &one);
        }
}

uint32_t forward_clock(const struct job *j) { return cookie_clock(&j->vm->forward->cookies->secret, j->vm->now_ns); }

/* Return the largest segment that the MTU and the service's clamp allow, to either side. */
static uint16_t mss_most(const struct job *j, const struct pbc_service *s, bool v6)
{
    const uint16_t mss = mss_of_mtu(edge_mtu(j->in->facts, IFACE_NONE), v6);
    return s->mss && s->mss != PBC_MSS_AUTO && s->mss < mss ? s->mss : mss;
}

static uint16_t mss_lesser(uint16_t a, uint16_t b) { return a < b ? a : b; }

/* Answer a SYN with a closed window until the server has announced its own, so that no data comes without a
 * receiver. */
void forward_syn(const struct job *j, struct packet_ctx *c)
{
    struct forward *f = j->vm->forward;
    struct pkt *out = NULL;
    if (!forward_is_syn(c->key) || !answer_allowed(c->pkt, c->key)) {
        forward_refuse(c, REASON_NO_FLOW);
        return;
    }
    const bool v6 = c->key->kind & KIND_IP6;
    struct proven syn;
    struct cookie_terms t;
    read_header(c, &syn);
    cookie_terms(&t, &syn.options, v6);
    const struct cookie cookie = cookie_make(&f->cookies->secret, c->key, syn.header.seq, &t, j->vm->now_ns);
    const uint16_t mss = mss_most(j, &f->p->services[c->v->service], v6);
    const struct flow_segment s = {.seq = cookie.seq,
                                   .ack = syn.header.seq + 1,
                                   .flags = TCP_SYN | TCP_ACK,
                                   .options = joint_answer(&t, mss, cookie.stamp, syn.options.stamp)};
    struct pool *pool = j->vm->cfg.pool;
    if (j->tx->count >= j->tx->cap || !pool || build_tcp_reply(c->pkt, c->key, &s, pool, &out)) {
        forward_refuse(c, REASON_NO_BUFFER);
        return;
    }
    answer_leave(j, c, out, TX_CAUSE_COOKIE);
    f->counters.cookies_sent++;
}

/* Make the client's own SYN, as the given segment proves it, in place of that segment. window: in bytes. */
static struct pkt *repeat_syn(const struct job *j, struct packet_ctx *c, const struct pbc_service *service,
                              uint32_t isn, struct cookie_terms t, uint32_t window, uint32_t stamp)
{
    struct pkt *out = NULL;
    t.mss = mss_lesser(t.mss, mss_most(j, service, c->key->kind & KIND_IP6));
    const struct flow_segment s = {.seq = isn,
                                   .window = (uint16_t)(window < UINT16_MAX ? window : UINT16_MAX),
                                   .flags = TCP_SYN,
                                   .options = joint_repeat(&t, stamp)};
    struct pool *pool = j->vm->cfg.pool;
    if (!pool || build_tcp_instead(c->pkt, c->key, &s, pool, &out)) return NULL;
    out->cookie = c->pkt->cookie;
    return out;
}

/* Return a context for a packet made in place of the one that came. */
static struct packet_ctx instead(const struct job *j, const struct packet_ctx *c, struct pkt *made, struct key *key)
{
    const struct facts *facts = j->in->facts;
    struct packet_ctx q = *c;
    pkt_parse(made, facts, key);
    if (facts_have_self(facts)) key_settle(j->vm->forward->p, key);
    q.pkt = made;
    q.key = key;
    q.made = true;
    return q;
}

/* Begin the flow as if its SYN came only now. again: the binding of an ended flow that it replaces; NULL: none. */
static void proven_begin(const struct job *j, struct packet_ctx *c, uint32_t branch, const struct proven *proven,
                         const struct flow_bind *again)
{
    const struct cookie_terms *t = &proven->proof.terms;
    const struct pbc_service *service = forward_service(j->vm->forward->p, branch);
    const uint32_t window = (uint32_t)proven->header.window << (t->has_scale ? t->scale : 0);
    struct pkt *syn = repeat_syn(j, c, service, proven->proof.isn, *t, window, proven->options.stamp);
    if (!syn) {
        c->v->service = j->vm->forward->p->branches[branch].service;
        forward_refuse(c, REASON_NO_BUFFER);
        return;
    }
    struct key key;
    struct packet_ctx q = instead(j, c, syn, &key);
    q.proven = proven;
    track_study(j->vm->forward->track, &key, syn, &q.seen);
    track_look(j->vm->forward->track, &key, syn, &q.seen);
    if (q.seen.slot != FLOW_NONE) q.seen.next.reopen = true;
    if (again)
        forward_begin_again(j, &q, *again);
    else
        forward_begin(j, &q, branch);
    c->left = q.left;
    pool_put(syn);
}

void forward_join(const struct job *j, struct packet_ctx *c, struct flow_bind *b)
{
    struct forward *f = j->vm->forward;
    joint_begin(track_joined(f->track, &c->seen), &c->proven->proof.terms, &c->proven->options);
    b->seq_delta = c->proven->header.ack - 1;
    b->flags |= BIND_AWAITED;
    f->counters.cookies_proven += !b->retried;
    waits_add(&f->cookies->waits, 0, c->seen.slot, b->seq_delta + b->retried, j->vm->now_ns);
}

/* Ask the server again, because the client has sent again. */
static void server_ask(const struct job *j, struct packet_ctx *c, struct flow_bind *b,
                       const struct tcp_syn_options *options)
{
    struct forward *f = j->vm->forward;
    struct flow_joint *joint = track_joint(f->track, &c->seen);
    const struct tcp_track *t = &track_flow(f->track, &c->seen)->tcp;
    forward_serve(j, c, b);
    if (options->has_stamps) joint->stamp_recent = options->stamp;
    struct pkt *syn = repeat_syn(j, c, forward_service(f->p, b->branch), t->side[FLOW_REPLY].acked - 1,
                                 joint_terms(joint, t), t->window[FLOW_ORIGINAL], joint->stamp_recent);
    if (!syn) {
        forward_refuse(c, REASON_NO_BUFFER);
        return;
    }
    struct key key;
    struct packet_ctx q = instead(j, c, syn, &key);
    forward_to_server(j, &q, b);
    forward_send(j, &q, NULL);
    c->left = q.left;
    pool_put(syn);
}

/* Return the branch of the service whose cookie the packet proves; PBC_NONE: none. */
static uint32_t proves(const struct vm *vm, const struct key *key, struct pkt *pkt, const struct track_seen *seen,
                       struct proven *proven)
{
    const struct forward *f = vm->forward;
    if (__builtin_expect(!f->cookies, 1)) return PBC_NONE;
    const struct flow *flow = track_flow(f->track, seen);
    const bool awaited = flow && flow->joined && track_bound(f->track, seen)->flags & BIND_AWAITED;
    if (!cookie_may_prove(key, seen, flow, awaited)) return PBC_NONE;
    const uint32_t branch = forward_branch(vm, key, pkt);
    if (branch == PBC_NONE || !(forward_service(f->p, branch)->flags & PBC_SERVICE_COOKIES)) return PBC_NONE;
    tcp_header_read(pkt, key, &proven->header);
    tcp_syn_options_read(pkt, &proven->options);
    const bool good =
        cookie_prove(&f->cookies->secret, key, &proven->header, &proven->options, vm->now_ns, &proven->proof);
    return good ? branch : PBC_NONE;
}

bool forward_proves(const struct vm *vm, const struct key *key, const struct pkt *pkt, const struct track_seen *seen)
{
    struct proven proven;
    struct pkt view = *pkt;
    return proves(vm, key, &view, seen, &proven) != PBC_NONE;
}

uint32_t forward_awaited_server(const struct vm *vm, const struct key *key, const struct track_seen *seen)
{
    const struct forward *f = vm->forward;
    const struct flow_bind *b = track_bound(f->track, seen);
    const struct flow *flow = track_flow(f->track, seen);
    const bool silent =
        b->flags & BIND_AWAITED && flow->state == FLOW_STATE_SYN_SENT && vm->now_ns - flow->seen_ns >= WAIT_FIRST_NS;
    return silent ? forward_next_server(f, key, b) : PBC_NONE;
}

/* Handle a client that sends again while its server is up: ask the same server, or another. */
static void server_retry(const struct job *j, struct packet_ctx *c, struct flow_bind *b, const struct proven *proven)
{
    const uint32_t branch = b->branch, next = forward_awaited_server(j->vm, c->key, &c->seen);
    if (next == PBC_NONE) {
        server_ask(j, c, b, &proven->options);
        return;
    }
    const struct flow_bind again = forward_retried(j, c, next);
    proven_begin(j, c, branch, proven, &again);
}

bool forward_prove(const struct job *j, struct packet_ctx *c)
{
    struct forward *f = j->vm->forward;
    struct proven proven;
    const uint32_t branch = proves(j->vm, c->key, c->pkt, &c->seen, &proven);
    if (__builtin_expect(branch == PBC_NONE, 1)) return false;
    struct flow_bind *b = track_bound(f->track, &c->seen);
    *c->v = (struct verdict){
        .action = ACTION_FORWARD, .rule = RULE_NONE, .firewall = PBC_NONE, .service = PBC_NONE, .server = PBC_NONE};
    c->left.way = LEAVE_NOT;
    const bool awaited = b && b->flags & BIND_AWAITED && b->seq_delta == proven.header.ack - 1 &&
                         track_flow(f->track, &c->seen)->state == FLOW_STATE_SYN_SENT; /* and not refused meanwhile */
    if (awaited && !forward_is_down(j, b, true, FLOW_ORIGINAL))
        server_retry(j, c, b, &proven);
    else
        proven_begin(j, c, branch, &proven, NULL);
    settle_whole(j, c);
    return true;
}

void forward_early(const struct job *j, struct packet_ctx *c, struct flow_bind *b)
{
    const struct flow *flow = track_flow(j->vm->forward->track, &c->seen);
    if (forward_is_syn(c->key)) {
        c->v->service = j->vm->forward->p->branches[b->branch].service;
        forward_syn(j, c);
        return;
    }
    forward_serve(j, c, b);
    struct tcp_header h;
    tcp_header_read(c->pkt, c->key, &h);
    if (!(c->key->marks & TCP_RST) || h.seq != flow->tcp.side[FLOW_REPLY].acked) {
        forward_refuse(c, REASON_NO_FLOW);
        return;
    }
    forward_to_server(j, c, b);
    if (forward_send(j, c, NULL)) track_end(j->vm->forward->track, &c->seen, FLOW_END_RESET);
}

/* Return the client's last window, as prey announces it to the server. */
static uint16_t window_of(const struct tcp_track *t) { return t->window[FLOW_ORIGINAL]; }

/* Send the handshake's last segment to the server. */
static void acknowledge(const struct job *j, struct packet_ctx *c, const struct proven *answer,
                        const struct flow_joint *joint)
{
    struct pkt *out = NULL;
    struct flow_segment s = {.seq = answer->header.ack,
                             .ack = answer->header.seq + 1,
                             .window = window_of(&track_flow(j->vm->forward->track, &c->seen)->tcp),
                             .flags = TCP_ACK,
                             .options = {.has_stamps = joint->has & JOINT_SERVER_STAMPS,
                                         .stamp = joint->stamp_recent,
                                         .echo = answer->options.stamp}};
    struct pool *pool = j->vm->cfg.pool;
    const bool room = j->tx->count < j->tx->cap && pool;
    if (room && build_tcp_reply(c->pkt, c->key, &s, pool, &out)) out = NULL;
    answer_leave(j, c, out, TX_CAUSE_COOKIE);
}

/* Send a segment to the client, in its numbers, in place of the server's current segment. */
static void client_say(const struct job *j, struct packet_ctx *c, const struct flow_bind *b,
                       const struct track_tuple *own, const struct flow_segment *s)
{
    struct pkt *out = NULL;
    struct pool *pool = j->vm->cfg.pool;
    struct key key;
    if (!pool || build_tcp_instead(c->pkt, c->key, s, pool, &out)) {
        forward_refuse(c, REASON_NO_BUFFER);
        return;
    }
    out->cookie = c->pkt->cookie;
    struct packet_ctx q = instead(j, c, out, &key);
    forward_to_client(j, &q, b, own);
    c->left = q.left;
    pool_put(out);
}

/* Join both sides of the flow, now that the server has answered. */
static void sides_join(const struct job *j, struct packet_ctx *c, struct flow_bind *b, const struct track_tuple *own)
{
    struct forward *f = j->vm->forward;
    struct proven answer;
    read_header(c, &answer);
    const struct tcp_header *h = &answer.header;
    struct flow_joint *joint = track_joint(f->track, &c->seen);
    const uint32_t told = b->seq_delta;
    joint_complete(joint, &answer.options);
    track_accept(f->track, c->key, c->pkt, &c->seen);
    b->seq_delta = h->seq - told;
    b->flags &= (uint8_t)~BIND_AWAITED;
    acknowledge(j, c, &answer, joint);
    const struct tcp_segment last = {.seq = h->ack,
                                     .ack = h->seq + 1,
                                     .window = window_of(&track_flow(f->track, &c->seen)->tcp),
                                     .flags = TCP_ACK,
                                     .scale = SCALE_ABSENT};
    track_hear(f->track, &c->seen, FLOW_ORIGINAL, &last);
    const struct flow_segment s = {.seq = told + 1,
                                   .ack = h->ack,
                                   .window = joint_window(joint, h->window),
                                   .flags = TCP_ACK,
                                   .options = joint_stamps(joint, answer.options.stamp, forward_clock(j))};
    client_say(j, c, b, own, &s);
}

void forward_answered(const struct job *j, struct packet_ctx *c, struct flow_bind *b, const struct track_tuple *own)
{
    const bool syn = (c->key->marks & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK),
               taken = c->seen.mark == MARK_ESTABLISHED;
    if (!taken || !(c->key->kind & KIND_TCP_FLAGS)) {
        forward_refuse(c, REASON_NO_FLOW);
    } else if (!(b->flags & BIND_AWAITED)) { /* prey's last segment did not arrive */
        struct proven answer;
        read_header(c, &answer);
        acknowledge(j, c, &answer, track_joint(j->vm->forward->track, &c->seen));
    } else if (syn) {
        sides_join(j, c, b, own);
    } else if (c->key->marks & TCP_RST) {
        const struct flow_segment s = {.seq = b->seq_delta + 1, .flags = TCP_RST};
        track_accept(j->vm->forward->track, c->key, c->pkt, &c->seen);
        j->vm->forward->counters.cookies_unanswered++;
        client_say(j, c, b, own, &s);
    } else {
        forward_refuse(c, REASON_NO_FLOW);
    }
}

struct splice *forward_splice(const struct job *j, struct packet_ctx *c, struct splice *room)
{
    const struct flow *flow = c->made ? NULL : track_flow(j->vm->forward->track, &c->seen);
    if (!flow || !flow->joined || c->key->marks & TCP_SYN || !(c->key->kind & KIND_TCP_FLAGS)) return NULL;
    const struct flow_bind *b = track_bound(j->vm->forward->track, &c->seen);
    if (b->flags & BIND_AWAITED) return NULL; /* an RST of the client, before the server has sent any numbers */
    joint_splice(track_joint(j->vm->forward->track, &c->seen), &flow->tcp, b->seq_delta, forward_clock(j), room);
    return room;
}

static void ask_again(const struct speech *e, const struct track_awaited *a)
{
    const struct tcp_track *t = &a->flow->tcp;
    struct cookie_terms terms = joint_terms(a->joint, t);
    terms.mss = mss_lesser(terms.mss, mss_most(e->j, forward_service(e->f->p, a->bind->branch), e->v6));
    struct flow_segment s = {.seq = t->side[FLOW_REPLY].acked - 1,
                             .window = t->window[FLOW_ORIGINAL],
                             .flags = TCP_SYN,
                             .options = joint_repeat(&terms, a->joint->stamp_recent)};
    forward_say_server(e, &s, TX_CAUSE_COOKIE);
}

uint64_t forward_ask_again(const struct job *j)
{
    struct forward *f = j->vm->forward;
    const uint64_t now_ns = j->vm->now_ns;
    unsigned time;
    struct wait w;
    if (!f->cookies) return UINT64_MAX;
    struct waits *waits = &f->cookies->waits;
    const unsigned room = forward_room(j);
    while (j->tx->count < room && waits_take(waits, now_ns, &time, &w)) {
        struct track_awaited a;
        struct speech e;
        if (!track_awaits(f->track, w.slot, w.cookie, &a)) continue;
        const struct track_tuple own = track_tuple_of(&a.id, a.flow->flags & FLOW_OPENED_BY_HIGH);
        forward_speech(&e, j, a.flow, &own, a.bind);
        if (time + 1 < WAIT_TIMES) {
            ask_again(&e, &a);
            waits_add(waits, time + 1, w.slot, w.cookie, now_ns);
        } else {
            struct flow_segment s = {.seq = a.bind->seq_delta + 1, .flags = TCP_RST};
            forward_say_client(&e, &s, TX_CAUSE_RST);
            e.f->counters.cookies_unanswered++;
            track_end_at(e.f->track, w.slot, FLOW_END_UNANSWERED);
        }
    }
    return waits_next(waits);
}
