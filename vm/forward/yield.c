/* Ports that flows give up when all are taken: of some flows drawn, the one that misses its port least gives it up
 * (enum track_yield). A flow that both sides use never does.
 *
 * The server of an ended TCP connection may still have it in TIME_WAIT, if it closed first (RFC 9293, 3.6.1).
 * Without a reset, the server would take the next connection from that port for the old one. RFC 1337 warns of such
 * resets, because of old segments. The client's old segments get no further than this machine, because their flow is
 * gone. Some servers ignore a reset in TIME_WAIT. They still take a SYN with a greater number (RFC 6191, 2), so a
 * flow with a lower one is sought first. */
#include "vm/flow/tcp/tcp_window.h"
#include "vm/forward/forward_priv.h"
#include "vm/keyed/hash.h"

/* Flows drawn: TRIES at first; TRIES_MORE if none of these gives way, at most once in SEARCH_NS, because each costs
 * a look-up and a flood must not slow down everything else. After TRIES_SHORT without an ended one, ports are short. */
enum { TRIES = 32, TRIES_MORE = 512, TRIES_SHORT = 8 };
#define SEARCH_NS UINT64_C(1000000)

struct giver {
    unsigned tries; /* draws until an ended one was found */
    int32_t slot;   /* FLOW_NONE: none yet */
    enum track_yield how;
    bool fits; /* the flow is over, and by its number the packet begins a new connection for the server */
    uint64_t since_ns;
};
static const struct giver NO_GIVER = {.slot = FLOW_NONE};

/* True if the flow no longer needs its port. */
static bool has_ended(const struct giver *g) { return g->slot != FLOW_NONE && g->how >= YIELD_ANSWERED; }

/* True for a packet that may make others give way: it may begin a connection, and so is not a segment in mid-stream. */
static bool may_ask(const struct key *key) { return !(key->kind & KIND_TCP) || forward_is_syn(key); }

static bool is_better(const struct giver *one, const struct giver *than)
{
    if (one->how != than->how) return one->how > than->how;
    if (one->fits != than->fits) return one->fits;
    return one->since_ns < than->since_ns;
}

/* Weigh the flow in that slot, which leads to the same end, or (apart) to another. */
static void weigh(const struct track *track, const struct packet_ctx *c, int32_t slot, bool apart, struct giver *best)
{
    struct flow_id id;
    struct flow_bind *b;
    const struct flow *f = track_flow_at(track, slot, &id, &b);
    struct giver one = {
        .tries = best->tries, .slot = slot, .how = track_yields(track, slot, apart), .since_ns = f->seen_ns};
    if (one.how == YIELD_NEVER) return;
    one.fits = one.how == YIELD_OVER && (apart || f->state != FLOW_STATE_CLOSING ||
                                         seq_after(track_syn_number(&c->seen), f->tcp.side[FLOW_ORIGINAL].end));
    if (best->slot == FLOW_NONE || is_better(&one, best)) *best = one;
}

static void end_flow(const struct job *j, const struct giver *g)
{
    struct track *track = j->vm->forward->track;
    struct flow_id id;
    struct flow_bind *b;
    const struct flow *f = track_flow_at(track, g->slot, &id, &b);
    const struct track_tuple own = track_tuple_of(&id, f->flags & FLOW_OPENED_BY_HIGH);
    forward_reset_server(j, f, &own, b);
    track_end_at(track, g->slot, FLOW_END_PORT_NEEDED);
}

/* Return the flow of a service that holds the port of the binding; FLOW_NONE: none. */
static int32_t holder(const struct track *track, const struct packet_ctx *c, const struct flow_bind *b)
{
    const struct track_tuple t = track_bound_tuple(b);
    const int32_t slot = track_find(track, &c->seen, &t);
    struct flow_id id;
    struct flow_bind *its;
    if (slot == FLOW_NONE) return FLOW_NONE;
    track_flow_at(track, slot, &id, &its);
    return its->kind == BIND_SERVICE && its->space != PBC_NONE ? slot : FLOW_NONE;
}

/* Find the flow that gives its port for b->server. False: no address is known. */
static bool find_giver(const struct job *j, const struct packet_ctx *c, struct flow_bind *b, unsigned tries,
                       struct giver *best)
{
    const struct forward *f = j->vm->forward;
    for (unsigned i = 0; i < tries && !best->fits; i++) {
        if (!outside_draw_taken(f->outside, j->in->facts, c->key, c->seen.hash, b)) return false;
        const int32_t slot = b->to_src_port ? holder(f->track, c, b) : FLOW_NONE;
        if (slot != FLOW_NONE) weigh(f->track, c, slot, false, best);
        best->tries += !has_ended(best);
    }
    return true;
}

/* Count a shortage of ports, if no ended flow gives its port up, or one was found late. */
static void note_giver(struct forward *f, const struct giver *best)
{
    f->counters.ports_short += !has_ended(best) || best->tries > TRIES_SHORT;
}

/* True if no giver was found and another search is due; the next one is then due after SEARCH_NS. */
static bool seeks_more(struct forward *f, const struct job *j, const struct giver *best)
{
    const uint64_t now_ns = j->vm->now_ns;
    if (best->slot != FLOW_NONE || now_ns < f->search_due_ns) return false;
    f->search_due_ns = now_ns + SEARCH_NS;
    return true;
}

bool forward_yield(const struct job *j, const struct packet_ctx *c, struct flow_bind *b)
{
    struct giver best = NO_GIVER;
    struct forward *f = j->vm->forward;
    if (!may_ask(c->key) || !find_giver(j, c, b, TRIES, &best)) return false;
    if (seeks_more(f, j, &best)) find_giver(j, c, b, TRIES_MORE, &best);
    note_giver(f, &best);
    if (best.slot != FLOW_NONE) end_flow(j, &best);
    return true; /* also without a giver, because look-ups end flows whose time has passed, and so free ports */
}

void forward_note_short(const struct job *j, const struct packet_ctx *c, struct flow_bind b)
{
    struct giver best = NO_GIVER;
    if (may_ask(c->key) && find_giver(j, c, &b, TRIES_SHORT + 1, &best)) note_giver(j->vm->forward, &best);
}

/* True if the translated flow in that slot has the source of `b`. */
static bool has_source(const struct track *track, int32_t slot, const struct flow_id *like, const struct flow_bind *b)
{
    struct flow_id id;
    struct flow_bind *its;
    if (!track_has_bound(track, slot)) return false;
    track_flow_at(track, slot, &id, &its);
    return its->flags & BIND_HOLDS_SRC && id.proto == like->proto && !((id.kind ^ like->kind) & FLOW_ID_IP6) &&
           its->to_src_port == b->to_src_port && address_equal(its->to_src, b->to_src);
}

static bool leads_elsewhere(const struct track *track, int32_t slot, const struct flow_bind *b)
{
    struct flow_id id;
    struct flow_bind *its;
    track_flow_at(track, slot, &id, &its);
    return !address_equal(its->to_dst, b->to_dst) || its->to_dst_port != b->to_dst_port;
}

/* Find the flow that gives its port to the statement b->nat. */
static void find_nat_giver(const struct forward *f, const struct packet_ctx *c, const struct nat_asker *of,
                           uint64_t *random, struct flow_bind *b, unsigned tries, struct giver *best)
{
    for (unsigned i = 0; i < tries && !best->fits && may_ask(c->key); i++) {
        const int32_t slot = nat_draw(f->nat, of, random_next(random), b);
        if (has_source(f->track, slot, &c->seen.id, b))
            weigh(f->track, c, slot, leads_elsewhere(f->track, slot, b), best);
        best->tries += !has_ended(best);
    }
}

void forward_nat_yield(const struct job *j, const struct packet_ctx *c, const struct nat_asker *of, struct flow_bind *b)
{
    struct forward *f = j->vm->forward;
    struct giver best = NO_GIVER;
    find_nat_giver(f, c, of, &f->draws, b, TRIES, &best);
    if (seeks_more(f, j, &best)) find_nat_giver(f, c, of, &f->draws, b, TRIES_MORE, &best);
    note_giver(f, &best);
    if (best.slot != FLOW_NONE) end_flow(j, &best);
}

void forward_nat_note_short(const struct job *j, const struct packet_ctx *c, const struct nat_asker *of,
                            struct flow_bind b)
{
    struct forward *f = j->vm->forward;
    struct giver best = NO_GIVER;
    if (!may_ask(c->key)) return;
    find_nat_giver(f, c, of, &f->draws, &b, TRIES_SHORT + 1, &best);
    note_giver(f, &best);
}

bool forward_nat_may_yield(const struct vm *vm, const struct packet_ctx *c, const struct nat_asker *of,
                           struct flow_bind b)
{
    uint64_t random = vm->forward->draws;
    struct giver best = NO_GIVER;
    find_nat_giver(vm->forward, c, of, &random, &b, TRIES, &best);
    if (best.slot == FLOW_NONE) find_nat_giver(vm->forward, c, of, &random, &b, TRIES_MORE, &best);
    return best.slot != FLOW_NONE;
}
