/* Packets of the inline stack, see inline.h. Packets to an end leave with the other end's addresses. A packet of no
 * known connection is answered by a reset, so that its socket ends. */
#include <string.h>

#include "vm/forward/inline/cut.h"
#include "vm/forward/inline/inline.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/edit/translate.h"
#include "vm/packet/parse/read.h"

/* A packet of the inline stack, parsed */
struct said {
    struct pkt *pkt;
    struct key key;
    struct inline_conn *c;
    uint32_t number;
};

static bool is_syn(const struct key *key) { return (key->marks & (TCP_SYN | TCP_ACK)) == TCP_SYN; }

/* End a socket whose connection is unknown. */
static void socket_reset(const struct job *j, const struct said *s)
{
    struct pkt *out = NULL;
    if (s->key.marks & TCP_RST || !j->vm->cfg.pool) return;
    if (!build_rst(s->pkt, &s->key, j->vm->cfg.pool, &out)) inline_give(j, out);
}

static void said_leave(const struct job *j, const struct said *s, enum inline_at to, const struct translation *as)
{
    const bool v4 = s->key.kind & KIND_IP4;
    struct tcp_segment segment;
    uint32_t mtu;
    tcp_read(s->pkt, &s->key, &segment);
    if (s->c->leaves) inline_clamp(s->c, to, s->pkt, &segment);
    inline_says(s->c, to, &segment);
    s->c->seen_ns = j->vm->now_ns;
    if (s->key.marks & TCP_SYN) mss_clamp(s->pkt, &s->key, inline_mss(j, s->c, to, &s->key));
    if (s->c->leaves) inline_leg_out(&s->c->side[to], s->pkt, &segment);
    const enum tunnel_fit fit = inline_fit(j, s->c, to, s->pkt, &s->key, &mtu);
    if (fit == TUNNEL_TOO_BIG) return;
    if (fit == TUNNEL_IN_FRAGMENTS && s->pkt->flags & PKT_CSUM_PARTIAL) checksum_fill(s->pkt, &s->key);
    if (!translate(s->pkt, &s->key, as)) inline_send_in(j, s->c, to, s->pkt, v4, fit, mtu);
}

struct translation inline_outwards(const struct inline_conn *c, enum inline_at to)
{
    struct translation as = {.what = TRANSLATE_SRC | TRANSLATE_DST | TRANSLATE_SRC_PORT | TRANSLATE_DST_PORT};
    const bool client = to == AT_CLIENT;
    memcpy(as.src, client ? c->server : c->from, sizeof as.src);
    memcpy(as.dst, client ? c->client : c->to, sizeof as.dst);
    as.src_port = client ? c->server_port : c->from_port;
    as.dst_port = client ? c->client_port : c->to_port;
    return as;
}

/* Handle a packet of the listener's socket. */
static void to_client(const struct job *j, struct said *s)
{
    struct inline_conn *c = s->c;
    const bool answers = s->key.marks & TCP_SYN;
    if (s->key.dst_port != c->use) {
        socket_reset(j, s);
        return;
    }
    if (c->cut) {
        inline_cut_said(j, c, s->number, AT_CLIENT, s->pkt, &s->key);
        return;
    }
    if (answers && c->server_first && c->state <= INLINE_WAITS) {
        inline_keep_answer(j, c, s->number, &s->key, s->pkt);
        return;
    }
    /* The server was silent: the client gets nothing either */
    if (c->state == INLINE_WAITS && c->own_port) {
        if (s->key.marks & TCP_RST) c->over |= OVER_RESET;
        return;
    }
    if (answers && c->state <= INLINE_SAID) {
        struct tcp_header tcp;
        tcp_header_read(s->pkt, &s->key, &tcp);
        c->seq = tcp.seq;
        c->state = INLINE_SAID; /* the client acknowledges prey's SYN next */
    }
    const struct translation as = inline_outwards(c, AT_CLIENT);
    said_leave(j, s, AT_CLIENT, &as);
}

/* Set the destination of a connection to a pool's server. False: no such server, no room, or the tuple is taken. */
static bool aim_server(const struct job *j, struct inline_conn *c, uint32_t number, uint32_t at)
{
    const struct program *p = j->vm->program;
    struct inlines *all = j->vm->inlines;
    struct inline_side *side = &c->side[AT_SERVER];
    const struct pbc_server *server = at < p->servers_count ? &p->servers[at] : NULL;
    if (!server || (server->family == 6) != c->v6) return false;
    const uint16_t out = facts_way(j->in->facts ? j->in->facts->server_out : NULL, at);
    struct stack_tag tags[2] = {{ETHER_VLAN, server->vlan}, {ETHER_VLAN, server->inner}};
    const unsigned count = !(server->flags & PBC_SERVER_HAS_VLAN) ? 0 : server->flags & PBC_SERVER_HAS_INNER ? 2 : 1;
    if (count == 2) tags[0].tpid = ETHER_QINQ;
    const uint16_t stack = inlines_stack(all, tags, count);
    if (stack == STACK_UNKNOWN) return false;
    inlines_take_stack(all, number, stack);
    side->mac = server->flags & PBC_SERVER_HAS_MAC ? server->mac : 0;
    if (!side->bridged || !side->mac) side->iface = out;
    memcpy(c->to, server->addr, sizeof c->to);
    c->to_port = server->port ? server->port : c->server_port;
    return inline_source(j, c, number, at, false);
}

/* Set the target that the loop has named. False: as for aim_server. */
static bool aim_target(const struct job *j, struct inline_conn *c, uint32_t number)
{
    struct inline_side *side = &c->side[AT_SERVER];
    inlines_take_stack(j->vm->inlines, number, 0);
    side->mac = 0;
    side->iface = IFACE_NONE;
    memcpy(c->to, c->target, sizeof c->to);
    c->to_port = c->target_port;
    c->target_port = 0;
    return inline_source(j, c, number, PBC_NONE, c->target_keeps);
}

/* Begin the connection to a server, with the SYN of the proxy loop's socket. */
static bool aim(const struct job *j, struct said *s, uint32_t id)
{
    struct inline_conn *c = s->c;
    const uint32_t server = program_server_of(j->vm->program, id);
    const bool aimed = c->target_port && s->key.dst_port == INLINE_TARGETS;
    c->own_port = s->key.src_port;
    c->made_port = s->key.dst_port;
    c->over &= (uint8_t)~OVER_OF_SERVER;
    inlines_original(j->vm->inlines, s->number);
    if (s->key.dst_port == INLINE_TARGETS) return aimed && aim_target(j, c, s->number);
    if (c->made_port != INLINE_ORIGINAL) return aim_server(j, c, s->number, server);
    memcpy(c->to, c->server, sizeof c->to);
    c->to_port = c->server_port;
    return true;
}

/* Handle a packet of the socket to a server. */
static void to_server(const struct job *j, struct said *s)
{
    struct inline_conn *c = s->c;
    const bool same = s->key.src_port == c->own_port && s->key.dst_port == c->made_port;
    const bool begins = is_syn(&s->key) && !same;
    const uint32_t id = inline_id(s->key.dst_port, s->key.ttl);
    if (begins && id != PBC_NONE && id >= program_server_ids(j->vm->program))
        return; /* the worker has not changed its program yet: the SYN comes again */
    /* The name of the target, from the loop of an earlier process, may come after this SYN; the SYN is then repeated */
    if (begins && s->key.dst_port == INLINE_TARGETS && c->former && !c->target_port) return;
    if (begins && !aim(j, s, id)) {
        c->own_port = 0;
        socket_reset(j, s);
        return;
    }
    if (s->key.src_port != c->own_port || s->key.dst_port != c->made_port) {
        socket_reset(j, s);
        return;
    }
    if (is_syn(&s->key)) {
        struct tcp_header tcp;
        tcp_header_read(s->pkt, &s->key, &tcp);
        s->c->own_seq = tcp.seq;
        s->c->answered = 0;
    }
    if (c->cut) {
        inline_cut_said(j, c, s->number, AT_SERVER, s->pkt, &s->key);
        return;
    }
    if (s->key.marks & TCP_SYN && c->mss) mss_clamp(s->pkt, &s->key, c->mss);
    const struct translation as = inline_outwards(c, AT_SERVER);
    said_leave(j, s, AT_SERVER, &as);
}

void inline_sent(const struct job *j, struct pkt *pkt)
{
    struct said s = {.pkt = pkt};
    if (pkt_parse(pkt, NULL, &s.key)) return;
    if ((s.key.kind & (KIND_TCP | KIND_PORTS)) != (KIND_TCP | KIND_PORTS)) return;
    const bool v6 = s.key.kind & KIND_IP6;
    const struct inline_name to = inline_read(s.key.dst, v6), from = inline_read(s.key.src, v6);
    s.number = from.end == INLINE_OWN ? from.number : to.number;
    s.c = inlines_at(j->vm->inlines, s.number);
    const bool ours = to.end != INLINE_NONE && to.worker == inlines_worker(j->vm->inlines);
    if (!ours || !s.c || s.c->v6 != v6)
        socket_reset(j, &s);
    else if (s.c->state == INLINE_SPLICED)
        return; /* its sockets are closed: no notification */
    else if (from.end == INLINE_OWN && to.end == INLINE_SERVER && to.number == from.number)
        to_server(j, &s);
    else if (to.end == INLINE_CLIENT && from.end == INLINE_NONE)
        to_client(j, &s);
    if (s.c && ours) inline_look(j, s.c);
    if (s.c && ours) inlines_over(j->vm->inlines, s.number);
}
