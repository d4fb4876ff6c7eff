/* Steps that the modes share: copying, one hop, rewriting, tunnels, the link layer */
#include <errno.h>
#include <string.h>

#include "vm/forward/bind/outside.h"
#include "vm/forward/edges.h"
#include "vm/forward/forward.h"
#include "vm/forward/mode/mode.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/edit/translate.h"
#include "vm/packet/wire.h"

const struct mode_ops *mode_of(const struct program *p, uint32_t service)
{
    static const struct mode_ops *const modes[PBC_MODES] = {
#define MODE(ident, name, traits, doc) [PBC_MODE_##ident] = &mode_##ident,
#include "vm/mode.def"
    };
    return modes[p->services[service].mode];
}

/* Fill in an entry in place, field by field: reading a whole entry in wide pieces would wait for its narrow writes. */
static void write_entry(const struct job *j, const struct packet_ctx *c, const struct hop *hop, struct pkt *copy,
                        struct tx_entry *e)
{
    e->pkt = copy;
    e->kind = TX_SEND;
    e->cause = TX_CAUSE_PACKET;
    e->out_if = c->left.iface;
    e->input = j->input == INPUT_NONE ? INPUT_NONE : j->input + c->at;
    e->cookie = c->pkt->cookie;
    for (unsigned i = 0; i < 4; i++) {
        e->next_hop[i] = hop->addr[i];
        e->from[i] = hop->from ? hop->from[i] : 0;
    }
    e->from_port = hop->from_port;
    e->family = hop->family;
    memset(&e->verdict, 0, sizeof e->verdict);
}

void mode_leave(const struct job *j, const struct packet_ctx *c, const struct hop *hop, struct pkt *copy)
{
    struct vm_tx *tx = j->tx;
    write_entry(j, c, hop, copy, &tx->entries[tx->count++]);
}

bool mode_knows_mac(const struct job *j, const struct packet_ctx *c)
{
    const struct pbc_server *server = &j->vm->program->servers[c->left.server];
    return server->flags & PBC_SERVER_HAS_MAC && c->pkt->link == LINK_ETHER;
}

void mode_to_server(const struct job *j, const struct packet_ctx *c, struct hop *hop)
{
    const struct pbc_server *server = &j->vm->program->servers[c->left.server];
    const bool known = mode_knows_mac(j, c);
    *hop = (struct hop){.addr = server->addr, .mac = known ? server->mac : 0, .family = known ? 0 : server->family};
}

/* Return the destination that the packet leaves with. */
static const uint32_t *leaves_for(const struct packet_ctx *c)
{
    return c->left.to.what & TRANSLATE_DST ? c->left.to.dst : c->key->dst;
}

/* Find the hop to the flow's opener, at the MAC address last seen from it, or to the new destination. As in a
 * router, the way is looked up with the original source, which is translated afterwards. An error goes the way of
 * its flow (c->from, c->via). */
static void to_other(const struct packet_ctx *c, struct hop *hop)
{
    const uint64_t mac = wire_get48(c->left.mac);
    const uint8_t family = c->key->kind & KIND_IP4 ? 4 : 6;
    hop->addr = leaves_for(c);
    if (c->quoted && c->via) hop->addr = c->via;
    hop->from = c->quoted ? c->from : c->key->src;
    hop->from_port = !c->quoted && c->key->kind & KIND_WITH_PORTS ? c->key->src_port : 0;
    hop->mac = mac;
    hop->family = mac ? 0 : family;
}

void mode_link(const struct job *j, const struct packet_ctx *c, struct pkt *copy, uint64_t mac)
{
    const uint64_t own = copy->link == LINK_ETHER || mac ? edge_mac(j->in->facts, c->left.iface, c->pkt) : 0;
    if (copy->link == LINK_ETHER) {
        edit_macs(copy, mac, own);
        return;
    }
    edit_bare(copy);
    if (mac) edit_ether(copy, mac, own, NULL, 0, c->key->kind & KIND_IP4 ? ETHER_IP4 : ETHER_IP6);
}

/* Rewrite the copy. A first fragment under a CRC cannot be translated, unless its port stays. */
static enum pkt_reason rewrite_copy(const struct packet_ctx *c, struct pkt *copy)
{
    int err = 0;
    if (c->quoted)
        err = quoted_translate(copy, c->key, &c->left.to, c->quoted);
    else if (c->left.to.what)
        err = translate(copy, c->key, &c->left.to);
    return err ? REASON_UNTRANSLATABLE : REASON_NONE;
}

/* Return the way by which the packet leaves, as far as it is known: its interface, and the MTU of its route. prey
 * itself sends the packet, so marks of this machine have no effect on it. */
static struct way_found send_way(const struct job *j, const struct packet_ctx *c)
{
    const struct facts *facts = j->in->facts;
    const uint16_t iface = c->left.iface;
    const struct way_found routed = way_find_past(facts, c->key, c->pkt, leaves_for(c));
    if (routed.out && (iface == IFACE_NONE || routed.iface == iface)) return routed;
    return (struct way_found){.out = (uint16_t)(facts_known_as(facts, iface) + 1), .iface = iface};
}

/* Return the most bytes of an IP packet that the way to the packet's server carries. */
static uint32_t server_mtu(const struct job *j, const struct packet_ctx *c)
{
    const struct facts *facts = j->in->facts;
    const uint32_t mtu = edge_mtu(facts, c->left.iface);
    const bool known = facts && facts->server_mtu && c->left.server < j->vm->program->servers_count;
    const uint32_t path = known ? facts->server_mtu[c->left.server] : 0;
    if (c->left.iface == IFACE_NONE && path) return path;
    return path && path < mtu ? path : mtu;
}

/* Return the path MTU of the packet's way. */
static uint32_t way_mtu(const struct job *j, const struct packet_ctx *c)
{
    if (c->left.way == LEAVE_TO_SERVER) return server_mtu(j, c);
    const struct way_found way = send_way(j, c);
    const uint32_t mtu = edge_mtu(j->in->facts, way.iface);
    return way.mtu && (way.mtu < mtu || c->left.iface == IFACE_NONE) ? way.mtu : mtu;
}

void mode_clamp(const struct job *j, const struct packet_ctx *c, struct pkt *copy, uint32_t overhead)
{
    const struct program *p = j->vm->program;
    const bool nat = c->left.service == PBC_NONE;
    if (!(c->key->marks & TCP_SYN) || !(c->key->kind & KIND_TCP_FLAGS)) return;
    const uint16_t mss = nat ? c->left.mss : p->services[c->left.service].mss;
    const struct way_found way = send_way(j, c);
    if (nat) clamp_crossing(p, j->in->facts, copy, c->key, &way);
    if (!mss) return;
    const uint32_t out = way_mtu(j, c), in = nat ? clamp_arrival_mtu(j->in->facts, c->key) : out;
    const uint32_t mtu = in && in < out ? in : out; /* replies leave by the other interface */
    const uint32_t room = mtu > overhead ? mtu - overhead : 0;
    mss_clamp(copy, c->key, mss == PBC_MSS_AUTO ? mss_of_mtu(room, c->key->kind & KIND_IP6) : mss);
}

/* Take one hop. REASON_NONE, or the copy is put back into the pool and the sender notified. */
static enum pkt_reason take_hop(const struct job *j, struct packet_ctx *c, struct pkt *copy)
{
    if (ttl_decrement(copy, c->key)) return REASON_NONE;
    pool_put(copy);
    edge_expired(j, c);
    return REASON_TTL_EXCEEDED;
}

static enum pkt_reason leave_as(const struct job *j, struct packet_ctx *c, struct pkt *copy, enum tunnel_fit fit,
                                const struct hop *hop)
{
    if (fit != TUNNEL_IN_FRAGMENTS && j->tx->count < j->tx->cap) {
        mode_leave(j, c, hop, copy);
        return REASON_NONE;
    }
    struct tx_entry as;
    write_entry(j, c, hop, NULL, &as);
    const int err = edge_send(j, copy, way_mtu(j, c), fit, c->datagram, &as);
    return err == -ENODATA ? REASON_SNAPPED : err ? REASON_NO_BUFFER : REASON_NONE;
}

/* Send a segment of a joined flow as the other side knows the flow, cut into several if that side's MSS is smaller. */
static enum pkt_reason leave_joined(const struct job *j, struct packet_ctx *c, struct pkt *copy, enum tunnel_fit fit,
                                    const struct hop *hop)
{
    struct splice_out out;
    enum pkt_reason reason = REASON_NONE;
    switch (splice_pass(c->splice, c->seen.dir, copy, c->key, c->clock_ms, j->vm->cfg.pool, &out)) {
    case SPLICE_SENT: break;
    case SPLICE_NO_ROOM: reason = c->key->kind & KIND_FRAG_FIRST ? REASON_UNTRANSLATABLE : REASON_NO_BUFFER; break;
    case SPLICE_SNAPPED: reason = REASON_SNAPPED; break;
    case SPLICE_CONGESTED:
    case SPLICE_BAD_SUM:
    case SPLICE_NOT_SEGMENT: reason = REASON_UNTRANSLATABLE; break;
    }
    if (reason) pool_put(copy);
    for (unsigned i = 0; i < out.count; i++) {
        mode_link(j, c, out.pkts[i], hop->mac);
        const enum pkt_reason left = leave_as(j, c, out.pkts[i], fit, hop);
        if (left) reason = left;
    }
    return reason;
}

/* Return the source of an error about a packet that is too big. For a reply it is this machine's address, because
 * the destination may be the client's. */
static const uint32_t *complainer(const struct job *j, const struct packet_ctx *c, uint32_t own[4])
{
    return c->left.way == LEAVE_TO_SERVER ? NULL : edge_own(j->in->facts, c->pkt->iface, c->key, own);
}

/* Send a packet that the host has routed or will route: translated, but otherwise unchanged. An error goes the way
 * of its flow; if the host's way is another, so is the next hop. */
static enum pkt_reason leave_by_host(const struct job *j, struct packet_ctx *c, struct pkt *copy)
{
    struct hop hop = {.addr = c->left.to.dst};
    const enum pkt_reason reason = tx_has_room(j) ? rewrite_copy(c, copy) : REASON_NO_BUFFER;
    if (c->routed && (c->left.iface != c->pkt->iface || (c->quoted && wire_get48(c->left.mac)))) {
        to_other(c, &hop);
        mode_link(j, c, copy, hop.mac);
    }
    if (reason)
        pool_put(copy);
    else if (c->routed)
        mode_leave(j, c, &hop, copy);
    else
        tx_add(j, c, copy, TX_HOST, TX_CAUSE_PACKET);
    return reason;
}

enum pkt_reason mode_route(const struct job *j, struct packet_ctx *c, struct pkt *copy)
{
    uint32_t told, own[4];
    if (c->routed || c->left.way == LEAVE_TO_HOST) {
        mode_clamp(j, c, copy, 0);
        return leave_by_host(j, c, copy);
    }
    const enum tunnel_fit fit = edge_fit(c->pkt, c->key, way_mtu(j, c), &told);
    enum pkt_reason reason = take_hop(j, c, copy);
    if (reason) return reason;
    if (fit == TUNNEL_TOO_BIG) {
        pool_put(copy);
        edge_too_big(j, c, told, complainer(j, c, own));
        return REASON_TOO_BIG;
    }
    if (fit == TUNNEL_IN_FRAGMENTS && copy->flags & PKT_CSUM_PARTIAL)
        checksum_fill(copy, c->key); /* fragments have no partial checksums */
    mode_clamp(j, c, copy, 0);
    reason = rewrite_copy(c, copy);
    if (reason) {
        pool_put(copy);
        return reason;
    }
    struct hop hop;
    if (c->left.way == LEAVE_TO_SERVER)
        mode_to_server(j, c, &hop);
    else
        to_other(c, &hop);
    if (c->splice) return leave_joined(j, c, copy, fit, &hop);
    mode_link(j, c, copy, hop.mac);
    return leave_as(j, c, copy, fit, &hop);
}

/* Prepare the copy for encapsulation. REASON_NONE, or the copy is put back into the pool and the sender notified. */
static enum pkt_reason prepare(const struct job *j, struct packet_ctx *c, struct pkt *copy, const struct tunnel *t,
                               enum tunnel_fit *fit)
{
    uint32_t inner_mtu;
    *fit = tunnel_fit(t, c->pkt, c->key, &inner_mtu);
    const enum pkt_reason reason = take_hop(j, c, copy);
    if (reason) return reason;
    if (*fit == TUNNEL_TOO_BIG) {
        pool_put(copy);
        edge_too_big(j, c, inner_mtu, NULL);
        return REASON_TOO_BIG;
    }
    mode_clamp(j, c, copy, tunnel_overhead(t));
    if (copy->flags & PKT_CSUM_PARTIAL) checksum_fill(copy, c->key);
    return REASON_NONE;
}

enum tunnel_kind tunnel_of(const struct pbc_service *service)
{
    if (!mode_is(service->mode, MODE_TAKES_PORT)) return TUNNEL_IPIP;
    return service->gue_variant == 1 ? TUNNEL_GUE1 : TUNNEL_GUE;
}

enum pkt_reason mode_tunnel(const struct job *j, struct packet_ctx *c, struct pkt *copy)
{
    const struct pbc_service *service = &j->vm->program->services[c->left.service];
    const struct pbc_server *server = &j->vm->program->servers[c->left.server];
    struct tunnel t = {.kind = (uint8_t)tunnel_of(service),
                       .port = service->gue_port,
                       .v6 = server->family == 6,
                       .mtu = way_mtu(j, c)};
    enum tunnel_fit fit;
    for (unsigned i = 0; i < 4; i++) t.dst[i] = server->addr[i];
    if (!outside_address(forward_outside(j->vm->forward), j->in->facts, c->left.server, t.src)) {
        pool_put(copy);
        return REASON_NO_SOURCE_PORT;
    }
    const enum pkt_reason reason = prepare(j, c, copy, &t, &fit);
    if (reason) return reason;
    struct hop hop;
    mode_to_server(j, c, &hop);
    if (tunnel_encap(copy, c->key, &t, c->left.hash, (uint16_t)c->datagram)) {
        pool_put(copy);
        return REASON_UNTRANSLATABLE;
    }
    mode_link(j, c, copy, hop.mac);
    return leave_as(j, c, copy, fit, &hop);
}

static enum tunnel_fit fit_of(const struct job *j, const struct packet_ctx *c, uint32_t *told)
{
    const struct program *p = j->vm->program;
    const struct leave *leave = &c->left;
    const uint32_t mtu = way_mtu(j, c);
    const enum pbc_mode mode =
        leave->way == LEAVE_TO_SERVER ? (enum pbc_mode)p->services[leave->service].mode : PBC_MODE_PASSTHROUGH;
    if (mode_is(mode, MODE_BRIDGES | MODE_PROXIES)) return TUNNEL_FITS;
    if (!mode_is(mode, MODE_TUNNELS)) return edge_fit(c->pkt, c->key, mtu, told);
    const struct tunnel t = {.kind = (uint8_t)tunnel_of(&p->services[leave->service]),
                             .v6 = p->servers[leave->server].family == 6,
                             .mtu = mtu};
    return tunnel_fit(&t, c->pkt, c->key, told);
}

/* True for a super-packet that no slot holds, so that it is rewritten in place. False for a tunnel, which takes no
 * super-packet as a whole. */
static bool leaves_itself(const struct job *j, const struct packet_ctx *c)
{
    if (!c->pkt->segment || !(c->pkt->flags & PKT_WRITABLE) || c->pkt->seg_count) return false;
    return c->left.way != LEAVE_TO_SERVER ||
           !mode_is((enum pbc_mode)j->vm->program->services[c->left.service].mode, MODE_TUNNELS);
}

/* True for a packet to the inline stack in memory that may be written, so that it is rewritten in place. */
static bool leaves_in_place(const struct job *j, const struct packet_ctx *c)
{
    return j->vm->inlines && c->pkt->flags & PKT_WRITABLE && !c->pkt->pool && !c->pkt->seg_count &&
           mode_is((enum pbc_mode)j->vm->program->services[c->left.service].mode, MODE_INLINE_STACK);
}

enum pkt_reason mode_send(const struct job *j, struct packet_ctx *c)
{
    const struct vm *vm = j->vm;
    const bool stays = c->left.way == LEAVE_TO_SERVER && leaves_in_place(j, c);
    struct pkt *out = stays ? c->pkt : vm->cfg.pool ? pool_copy(vm->cfg.pool, c->pkt) : NULL;
    if (!out && leaves_itself(j, c)) out = c->pkt;
    if (!out) {
        /* No slot is free or long enough. A sender that exceeds the path MTU is notified */
        uint32_t told, own[4];
        if (fit_of(j, c, &told) != TUNNEL_TOO_BIG) return REASON_NO_BUFFER;
        edge_too_big(j, c, told, complainer(j, c, own));
        return REASON_TOO_BIG;
    }
    const bool to_server = c->left.way == LEAVE_TO_SERVER;
    const enum pkt_reason reason =
        to_server ? mode_of(vm->program, c->left.service)->send(j, c, out) : mode_route(j, c, out);
    c->gone = out == c->pkt && reason == REASON_NONE;
    return reason;
}
