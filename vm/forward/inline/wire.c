/* Packets from the wire, see inline.h. Only the first is judged: later ones are for the inline stack, which checks
 * each number in a segment. */
#include <string.h>

#include "vm/forward/forward_priv.h"
#include "vm/forward/inline/cut.h"
#include "vm/forward/inline/inline.h"
#include "vm/packet/edit/translate.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"

struct translation inline_inwards(const struct inlines *all, const struct inline_conn *c, uint32_t number,
                                  enum inline_at from)
{
    struct inline_name n = {.worker = (uint8_t)inlines_worker(all), .number = number};
    struct translation to = {.what = TRANSLATE_SRC | TRANSLATE_DST | TRANSLATE_SRC_PORT | TRANSLATE_DST_PORT};
    n.end = from == AT_CLIENT ? INLINE_CLIENT : INLINE_SERVER;
    inline_address(to.src, c->v6, n);
    to.src_port = from == AT_CLIENT ? c->use : c->made_port;
    to.dst_port = from == AT_CLIENT ? INLINE_LISTENS : c->own_port;
    n.end = INLINE_OWN;
    if (from == AT_CLIENT)
        inline_listener(to.dst, c->v6, n.worker);
    else
        inline_address(to.dst, c->v6, n);
    return to;
}

/* Return the priorities of the frame's first eight tags. */
static uint32_t priorities_of(const struct pkt *pkt)
{
    enum { TAGS = 8, PRIORITY_AT = 12 };
    uint32_t all = 0;
    unsigned at = 0;
    for (unsigned i = 0; i < pkt->tag_count && at < TAGS; i++, at++)
        all |= (uint32_t)(pkt->tags[i].tci >> PRIORITY_AT) << 4 * at;
    for (unsigned i = 0; pkt->link == LINK_ETHER && i < pkt->tags_in_frame && at < TAGS; i++, at++)
        all |= (uint32_t)(bytes_get16(pkt, ETHER_TYPE_AT + 2 + VLAN_LEN * i) >> PRIORITY_AT) << 4 * at;
    return all;
}

void inline_heard(struct inline_conn *c, enum inline_at from, const struct key *key, const struct pkt *pkt, bool own,
                  uint64_t now_ns)
{
    struct inline_side *side = &c->side[from];
    const uint64_t mac = pkt_mac(pkt, false);
    c->seen_ns = now_ns;
    if (own || c->state == INLINE_SPLICED) { /* packets of a spliced connection leave with these */
        side->ttl = (uint8_t)key->ttl;
        side->tos = key_tos(key);
        side->priorities = priorities_of(pkt);
    }
    if (!own || !mac || mac >> 40 & 1 || !side->mac) return;
    side->mac = mac;
    if (!side->bridged && side->iface != IFACE_NONE) side->iface = pkt->iface;
}

/* Send the packet into the inline stack. */
static bool stack_give(const struct job *j, struct packet_ctx *c, const struct inline_conn *conn, uint32_t number,
                       enum inline_at from)
{
    c->left = (struct leave){.to = inline_inwards(j->vm->inlines, conn, number, from),
                             .service = conn->service,
                             .server = PBC_NONE,
                             .iface = IFACE_NONE,
                             .way = LEAVE_TO_SERVER};
    const enum pkt_reason reason = forward_follow(j, c);
    if (reason) forward_refuse(c, reason);
    return !reason;
}

static bool is_bridged(const struct job *j, const struct packet_ctx *c)
{
    const struct facts_iface *in = facts_iface(j->in->facts, c->pkt->iface);
    return j->in->facts && j->in->facts->bridges && in && in->peer != IFACE_NONE;
}

static bool in_wire(const struct job *j, uint32_t service)
{
    return mode_is(j->vm->program->services[service].mode, MODE_INLINE);
}

/* Fill in both ends' layer 2 from the client's first frame: across a bridge, the server is on its other side. */
void inline_see_link(const struct job *j, const struct packet_ctx *c, struct inline_conn *conn)
{
    const struct facts_iface *in = facts_iface(j->in->facts, c->pkt->iface);
    const bool bridged = in_wire(j, conn->service) && is_bridged(j, c);
    struct inline_side *client = &conn->side[AT_CLIENT];
    client->mac = pkt_mac(c->pkt, false);
    client->iface = c->pkt->iface;
    client->bridged = bridged;
    conn->original_iface = bridged ? in->peer : IFACE_NONE;
    conn->original_mac = bridged ? pkt_mac(c->pkt, true) : 0;
}

static void see_syn(const struct packet_ctx *c, struct inline_conn *conn)
{
    struct tcp_header tcp;
    struct tcp_syn_options o;
    tcp_header_read(c->pkt, c->key, &tcp);
    tcp_syn_options_read(c->pkt, &o);
    conn->client_seq = tcp.seq;
    conn->client_window = tcp.window;
    conn->client_stamp = o.stamp;
    conn->mss = o.mss;
    conn->side[AT_CLIENT].next = tcp.seq + 1;
    struct tcp_segment s;
    tcp_read(c->pkt, c->key, &s);
    if (tcp_sum_is_right(c->pkt, c->key)) inline_leg_syn(&conn->side[AT_CLIENT].leg, c->pkt, &s);
}

/* Refuse the packet by a reset. */
static void reject(struct packet_ctx *c, enum pkt_reason reason)
{
    c->v->action = ACTION_REJECT;
    c->v->reason = (uint8_t)reason;
}

/* True for a packet that opens a forwarded connection: a service in the wire leaves all other packets. */
static bool may_take(const struct job *j, const struct packet_ctx *c)
{
    if (!forward_is_syn(c->key) || !inline_has_link(j, c->pkt) || forward_is_land(c->key)) return false;
    return is_bridged(j, c) || inline_crosses(j->in->facts, c->key);
}

/* True if a packet to a service of this machine's may open a connection; otherwise refuse the packet. */
static bool may_begin(struct packet_ctx *c, uint32_t service)
{
    c->v->service = service;
    if (forward_is_land(c->key)) {
        forward_refuse(c, REASON_SAME_ENDS);
        return false;
    }
    if (!forward_is_syn(c->key)) reject(c, REASON_NO_FLOW);
    return forward_is_syn(c->key);
}

bool inline_first(const struct job *j, struct packet_ctx *c, uint32_t branch)
{
    const struct program *p = j->vm->program;
    const uint32_t service = p->branches[branch].service;
    const struct pbc_service *s = &p->services[service];
    const uint32_t says = p->proxies[s->proxy - 1].flags;
    uint32_t number;
    const bool wire = in_wire(j, service), bridged = wire && is_bridged(j, c);
    if (wire && !may_take(j, c)) return false;
    if (!wire && !may_begin(c, service)) return true;
    if (forward_is_drained(j, c, service)) return true;
    if (!bridged && !inline_has_hop(j, c)) return true;
    if (forward_is_over_rate(j, c, s)) {
        c->v->service = service;
        forward_refuse(c, REASON_OVER_RATE);
        return true;
    }
    inline_make_room(j);
    struct inline_conn *conn = inlines_begin(j->vm->inlines, c->key, c->pkt, j->vm->now_ns, &number);
    if (!conn && says & PBC_PROXY_OVERLOAD_PASS) return false;
    c->v->service = service;
    if (!conn) {
        reject(c, REASON_MAX_FLOWS);
        return true;
    }
    conn->service = service;
    conn->server_first = (says & PBC_PROXY_SERVER_FIRST) != 0;
    conn->leaves = (says & PBC_PROXY_LEAVES) != 0;
    inline_see_link(j, c, conn);
    see_syn(c, conn);
    inline_heard(conn, AT_CLIENT, c->key, c->pkt, true, j->vm->now_ns);
    inlines_original(j->vm->inlines, number);
    if (!stack_give(j, c, conn, number, AT_CLIENT)) {
        inlines_end(j->vm->inlines, number);
        return true;
    }
    struct tx_entry *e = &j->tx->entries[j->tx->count - 1];
    e->cause = TX_CAUSE_INLINE;
    e->cookie = number;
    return true;
}

/* True if a client's SYN begins another connection in place of this one, which has ended for the client. */
static bool is_another(const struct inline_conn *c, const struct key *key, const struct tcp_segment *s)
{
    if (!forward_is_syn(key)) return false;
    if (c->service == PBC_NONE) return true;
    if (c->over & (OVER_RESET | OVER_WIRE)) return true;
    /* A spliced client's FIN that came behind a gap may be false: the server's acknowledgement shows it */
    const bool through =
        c->over & OVER_IN_ORDER ||
        (c->over & OVER_TO_SERVER && (c->state != INLINE_SPLICED || inline_has_all(&c->side[AT_SERVER])));
    if (c->over & OVER_TO_CLIENT && through) return true;
    return c->state < INLINE_OPEN && s->seq != c->client_seq;
}

/* True for a packet of prey's own, or an end's copy of it, that came back by the other end's port: the bridge is
 * wired in a loop. */
static bool is_looped(const struct inline_conn *c, enum inline_at from, const struct packet_ctx *ctx,
                      const struct tcp_segment *s)
{
    const struct inline_side *side = &c->side[from], *other = &c->side[!from];
    if (from == AT_CLIENT && forward_is_syn(ctx->key) && c->own_port && s->seq == c->own_seq) return true;
    return side->bridged && other->bridged && side->iface != IFACE_NONE && ctx->pkt->iface == other->iface &&
           ctx->pkt->iface != side->iface;
}

void inline_opens(const struct job *j, struct inline_conn *c, uint32_t number, enum inline_at from,
                  const struct tcp_segment *s)
{
    const bool told = c->state == INLINE_TOLD || c->state == INLINE_SAID;
    if (told && from == AT_CLIENT && inline_answers(c, AT_CLIENT, s)) inlines_opened(j->vm->inlines, number);
}

/* Handle a client's packet before the inline stack gets it. False: the stack must not get it. */
static bool from_client(const struct job *j, struct inline_conn *c, uint32_t number, const struct packet_ctx *ctx,
                        const struct tcp_segment *s)
{
    if (forward_is_syn(ctx->key) && c->state == INLINE_TOLD) inline_answer(j, c, 0);
    if (forward_is_syn(ctx->key)) return c->state != INLINE_WAITS && c->state != INLINE_TOLD;
    inline_opens(j, c, number, AT_CLIENT, s);
    return true;
}

/* The same for a server's packet, once there is a connection to the server */
static bool from_server(const struct job *j, struct inline_conn *c, const struct packet_ctx *ctx,
                        const struct tcp_segment *s)
{
    struct tcp_syn_options o;
    if (!c->own_port) return false;
    if (c->state != INLINE_WAITS || !inline_answers(c, AT_SERVER, s)) return true;
    tcp_syn_options_read(ctx->pkt, &o);
    if (s->flags & TCP_RST)
        inline_refuse(j, c);
    else if (s->flags & TCP_SYN)
        inline_answer(j, c, o.mss);
    return true;
}

/* Note the server's SYN, or a client's that comes again: its first may have been damaged, or may not have arrived. */
static void see_later_syn(const struct packet_ctx *c, struct inline_conn *conn, enum inline_at from,
                          const struct tcp_segment *s)
{
    struct inline_leg *l = &conn->side[from].leg;
    struct tcp_syn_options o;
    tcp_syn_options_read(c->pkt, &o);
    if (from == AT_CLIENT) {
        const bool overtaken = l->heard && (int32_t)(l->stamp - o.stamp) > 0;
        if (conn->state == INLINE_OPENS && !(s->flags & TCP_ACK) && !overtaken) see_syn(c, conn);
    } else if (!l->heard && inline_answers(conn, from, s)) {
        inline_leg_syn(l, c->pkt, s);
        conn->side[from].next = l->top;
    }
}

/* Follow a segment, and give it to the inline stack. */
static void take_in(const struct job *j, struct packet_ctx *c, struct inline_conn *conn, uint32_t number,
                    enum inline_at from, const struct tcp_segment *s)
{
    const bool opens = s->flags & TCP_SYN, tested = conn->leaves || opens;
    const bool sound = !tested || tcp_sum_is_right(c->pkt, c->key); /* else the kernel drops it */
    if (sound) inline_follow(conn, from, s);
    if (sound && opens) see_later_syn(c, conn, from, s);
    if (sound && !opens && conn->leaves) inline_leg_in(&conn->side[from], c->pkt, s, true);
    if (from == AT_CLIENT ? from_client(j, conn, number, c, s) : from_server(j, conn, c, s))
        stack_give(j, c, conn, number, from);
    inline_look(j, conn);
}

static void begin_verdict(struct packet_ctx *c, uint32_t service)
{
    *c->v = (struct verdict){.action = ACTION_FORWARD,
                             .flags = VERDICT_REPLY,
                             .rule = RULE_NONE,
                             .firewall = PBC_NONE,
                             .service = service,
                             .server = PBC_NONE};
    c->left.way = LEAVE_NOT;
}

bool inline_wire(const struct job *j, struct packet_ctx *c)
{
    struct inlines *all = j->vm->inlines;
    enum inline_at from;
    uint32_t number;
    if ((c->key->kind & (KIND_TCP | KIND_PORTS)) != (KIND_TCP | KIND_PORTS))
        return icmp_is_error(c->key) && inline_error(j, c);
    struct inline_conn *conn = inlines_find(all, c->key, c->pkt, &number, &from);
    if (!conn || inlines_cut_waits(j->vm->inlines, conn)) return false;
    struct tcp_segment s;
    tcp_read(c->pkt, c->key, &s);
    const bool looped = is_looped(conn, from, c, &s);
    if (from == AT_CLIENT && !looped && is_another(conn, c->key, &s)) {
        const bool accepted = conn->state == INLINE_WAITS || conn->state == INLINE_TOLD;
        if (accepted || conn->over & OVER_GONE) inline_reset_socket(j, conn, number);
        inlines_end(all, number);
        return false;
    }
    begin_verdict(c, conn->service);
    if (conn->service == PBC_NONE) {
        reject(c, REASON_NO_FLOW);
        settle_whole(j, c);
        return true;
    }
    if (looped) forward_refuse(c, REASON_NO_FLOW);
    if (looped || (!conn->side[from].bridged && !inline_has_hop(j, c))) {
        settle_whole(j, c);
        return true;
    }
    if (conn->state == INLINE_SPLICED) inlines_take(all, conn, number);
    inline_heard(conn, from, c->key, c->pkt, inline_is_own(conn, from, &s), j->vm->now_ns);
    if (inline_hold(j, conn, number, c, from, &s))
        inline_look(j, conn);
    else if (conn->cut)
        inline_cut_wire(j, c, conn, number, from, &s);
    else if (conn->state == INLINE_SPLICED)
        inline_spliced(j, c, conn, number, from, &s);
    else
        take_in(j, c, conn, number, from, &s);
    inlines_over(all, number);
    settle_whole(j, c);
    return true;
}

bool inline_goes_on(struct inlines *all, const struct key *key, const struct pkt *pkt, struct inline_goes *goes)
{
    enum inline_at from;
    uint32_t number;
    if ((key->kind & (KIND_TCP | KIND_PORTS)) != (KIND_TCP | KIND_PORTS)) return false;
    const struct inline_conn *conn = inlines_find(all, key, pkt, &number, &from);
    if (!conn) return false;
    struct tcp_segment s;
    tcp_read(pkt, key, &s);
    return !(from == AT_CLIENT && is_another(conn, key, &s)) && inlines_goes(all, number, goes);
}
