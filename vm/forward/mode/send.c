/* What the modes share: copying, one hop, rewriting, tunnels, the link layer. */
#include <errno.h>
#include <string.h>

#include "vm/packet/edit/full.h"
#include "vm/packet/edit/mss.h"
#include "vm/packet/edit/quoted.h"
#include "vm/packet/edit/ttl.h"
#include "vm/forward/bind/outside.h"
#include "vm/forward/edges.h"
#include "vm/forward/mode/mode.h"
#include "vm/packet/edit/edit.h"

const struct mode_ops *mode_of(const struct program *p, uint32_t service)
{
    static const struct mode_ops *const modes[PBC_MODES] = {
#define MODE(ident, name, doc) [PBC_MODE_##ident] = &mode_##ident,
#include "vm/forward/mode/mode.def"
#undef MODE
    };
    return modes[p->services[service].mode];
}

/* Field by field, in place: a whole entry put together elsewhere and copied in wide pieces waits for its narrow writes.
 */
static void write_entry(const struct sending *s, const struct hop *hop, struct pkt *copy, struct tx_entry *e)
{
    e->pkt = copy;
    e->kind = TX_SEND;
    e->cause = TX_CAUSE_PACKET;
    e->out_if = s->leave->iface;
    e->input = s->j->input == INPUT_NONE ? INPUT_NONE : s->j->input + s->at;
    e->cookie = s->pkt->cookie;
    for (unsigned i = 0; i < 4; i++) e->next_hop[i] = hop->addr[i];
    e->family = hop->family;
    memset(&e->verdict, 0, sizeof e->verdict);
}

void mode_leave(const struct sending *s, const struct hop *hop, struct pkt *copy)
{
    struct vm_tx *tx = s->j->tx;
    write_entry(s, hop, copy, &tx->entries[tx->count++]);
}

struct hop mode_to_server(const struct sending *s)
{
    const struct pbc_server *server = &s->j->vm->program->servers[s->leave->server];
    const bool known = server->flags & PBC_SERVER_HAS_MAC && s->pkt->link == LINK_ETHER;
    return (struct hop){.addr = server->addr, .mac = known ? server->mac : 0, .family = known ? 0 : server->family};
}

static uint64_t mac_of(const uint8_t bytes[6])
{
    uint64_t mac = 0;
    for (unsigned i = 0; i < 6; i++) mac = mac << 8 | bytes[i];
    return mac;
}

void mode_link(const struct sending *s, struct pkt *copy, uint64_t mac)
{
    if (copy->link == LINK_ETHER)
        edit_macs(copy, mac, edge_mac(s->j->in->facts, s->pkt));
    else
        edit_bare(copy);
}

/* In a translation of a first SCTP fragment a port may stand that does not change. */
static enum pkt_reason rewrite_copy(const struct sending *s, struct pkt *copy)
{
    int err = 0;
    if (s->quoted)
        err = quoted_translate(copy, s->key, &s->leave->to, s->quoted);
    else if (s->leave->to.what)
        err = translate(copy, s->key, &s->leave->to);
    return err ? REASON_UNTRANSLATABLE : REASON_NONE;
}

void mode_clamp(const struct sending *s, struct pkt *copy, uint32_t overhead)
{
    const struct program *p = s->j->vm->program;
    if (s->leave->service == PBC_NONE || !(s->key->marks & TCP_SYN) || !(s->key->kind & KIND_TCP_FLAGS)) return;
    const uint16_t mss = p->services[s->leave->service].mss;
    if (!mss) return;
    const uint32_t mtu = edge_mtu(s->j->in->facts);
    const uint32_t room = mtu > overhead ? mtu - overhead : 0;
    mss_clamp(copy, s->key, mss == PBC_MSS_AUTO ? mss_of_mtu(room, s->key->kind & KIND_IP6) : mss);
}

/* Take one hop; REASON_NONE, or the copy is put back and the sender told. */
static enum pkt_reason take_hop(const struct sending *s, struct pkt *copy)
{
    if (ttl_decrement(copy, s->key)) return REASON_NONE;
    pool_put(copy);
    edge_expired(s->j, s->at, s->pkt, s->key);
    return REASON_TTL_EXCEEDED;
}

static enum pkt_reason leave_as(const struct sending *s, struct pkt *copy, uint32_t mtu, enum tunnel_fit fit,
                                const struct hop *hop)
{
    if (fit != TUNNEL_IN_PIECES && s->j->tx->count < s->j->tx->cap) {
        mode_leave(s, hop, copy);
        return REASON_NONE;
    }
    struct tx_entry as;
    write_entry(s, hop, NULL, &as);
    const int err = edge_send(s->j, copy, mtu, fit, s->id, &as);
    return err == -ENODATA ? REASON_SNAPPED : err ? REASON_NO_BUFFER : REASON_NONE;
}

/* A segment of a joined flow leaves as the other side knows the flow, in several pieces where it takes less at once. */
static enum pkt_reason leave_joined(const struct sending *s, struct pkt *copy, uint32_t mtu, enum tunnel_fit fit,
                                    const struct hop *hop)
{
    struct splice_out out;
    enum pkt_reason reason = REASON_NONE;
    switch (splice_pass(s->splice, s->from, copy, s->key, s->clock_ms, s->j->vm->cfg.pool, &out)) {
    case SPLICE_SENT: break;
    case SPLICE_NO_ROOM: reason = s->key->kind & KIND_FRAG_FIRST ? REASON_UNTRANSLATABLE : REASON_NO_BUFFER; break;
    case SPLICE_SNAPPED: reason = REASON_SNAPPED; break;
    case SPLICE_CONGESTED:
    case SPLICE_BAD_SUM:
    case SPLICE_NOT_SEGMENT: reason = REASON_UNTRANSLATABLE; break;
    }
    if (reason) pool_put(copy);
    for (unsigned i = 0; i < out.count; i++) {
        mode_link(s, out.pkts[i], hop->mac);
        const enum pkt_reason left = leave_as(s, out.pkts[i], mtu, fit, hop);
        if (left) reason = left;
    }
    return reason;
}

/* A reply that is too big is our own hop's to complain of: what it was sent to may be the client's address. */
static const uint32_t *complainer(const struct sending *s, uint32_t own[4])
{
    return s->leave->way == LEAVE_TO_SERVER ? NULL : edge_own(s->j->in->facts, s->key, own);
}

enum pkt_reason mode_route(const struct sending *s, struct pkt *copy, const uint32_t next_hop[4], unsigned family)
{
    uint32_t told, own[4];
    const uint32_t mtu = edge_mtu(s->j->in->facts);
    const enum tunnel_fit fit = edge_fit(s->pkt, s->key, mtu, &told);
    enum pkt_reason reason = take_hop(s, copy);
    if (reason) return reason;
    if (fit == TUNNEL_TOO_BIG) {
        pool_put(copy);
        edge_too_big(s->j, s->at, s->pkt, s->key, told, complainer(s, own));
        return REASON_TOO_BIG;
    }
    mode_clamp(s, copy, 0);
    reason = rewrite_copy(s, copy);
    if (reason) {
        pool_put(copy);
        return reason;
    }
    const uint64_t mac = mac_of(s->leave->mac);
    struct hop hop = {.addr = next_hop, .mac = mac, .family = mac ? 0 : (uint8_t)family};
    if (s->leave->way == LEAVE_TO_SERVER) hop = mode_to_server(s);
    if (s->splice) return leave_joined(s, copy, mtu, fit, &hop);
    mode_link(s, copy, hop.mac);
    return leave_as(s, copy, mtu, fit, &hop);
}

/* What may go wrong with the copy before it is encapsulated. */
static enum pkt_reason prepare(const struct sending *s, struct pkt *copy, const struct tunnel *t, enum tunnel_fit *fit)
{
    uint32_t inner_mtu;
    *fit = tunnel_fit(t, s->pkt, s->key, &inner_mtu);
    const enum pkt_reason reason = take_hop(s, copy);
    if (reason) return reason;
    if (*fit == TUNNEL_TOO_BIG) {
        pool_put(copy);
        edge_too_big(s->j, s->at, s->pkt, s->key, inner_mtu, NULL);
        return REASON_TOO_BIG;
    }
    mode_clamp(s, copy, tunnel_overhead(t));
    if (copy->flags & PKT_CSUM_PARTIAL) checksum_fill(copy, s->key);
    return REASON_NONE;
}

enum pkt_reason mode_tunnel(const struct sending *s, struct pkt *copy, unsigned kind, uint16_t port)
{
    const struct pbc_server *server = &s->j->vm->program->servers[s->leave->server];
    struct tunnel t = {
        .kind = (uint8_t)kind, .port = port, .v6 = server->family == 6, .mtu = edge_mtu(s->j->in->facts)};
    enum tunnel_fit fit;
    for (unsigned i = 0; i < 4; i++) t.dst[i] = server->addr[i];
    if (!outside_address(s->outside, s->j->in->facts, server->pool, t.v6, t.src)) {
        pool_put(copy);
        return REASON_NO_SOURCE_PORT;
    }
    const enum pkt_reason reason = prepare(s, copy, &t, &fit);
    if (reason) return reason;
    const struct hop hop = mode_to_server(s);
    if (tunnel_encap(copy, s->key, &t, s->leave->hash, (uint16_t)s->id)) {
        pool_put(copy);
        return REASON_UNTRANSLATABLE;
    }
    mode_link(s, copy, hop.mac);
    return leave_as(s, copy, t.mtu, fit, &hop);
}

static enum tunnel_fit fit_of(const struct sending *s, uint32_t *told)
{
    const struct program *p = s->j->vm->program;
    const struct leave *leave = s->leave;
    const uint32_t mtu = edge_mtu(s->j->in->facts);
    const enum pbc_mode mode =
        leave->way == LEAVE_TO_SERVER ? (enum pbc_mode)p->services[leave->service].mode : PBC_MODE_PASSTHROUGH;
    if (mode == PBC_MODE_DSR_L2) return TUNNEL_FITS;
    if (mode != PBC_MODE_DSR_IPIP && mode != PBC_MODE_DSR_GUE) return edge_fit(s->pkt, s->key, mtu, told);
    const struct tunnel t = {.kind = mode == PBC_MODE_DSR_GUE ? TUNNEL_GUE : TUNNEL_IPIP,
                             .v6 = p->servers[leave->server].family == 6,
                             .mtu = mtu};
    return tunnel_fit(&t, s->pkt, s->key, told);
}

/* There is no slot for the copy, or none is long enough: that is told to who sends more than the way bears. */
static enum pkt_reason not_copied(const struct sending *s)
{
    uint32_t told, own[4];
    if (fit_of(s, &told) != TUNNEL_TOO_BIG) return REASON_NO_BUFFER;
    edge_too_big(s->j, s->at, s->pkt, s->key, told, complainer(s, own));
    return REASON_TOO_BIG;
}

enum pkt_reason mode_send(const struct sending *s)
{
    const struct vm *vm = s->j->vm;
    struct pkt *copy = vm->cfg.pool ? pool_copy(vm->cfg.pool, s->pkt) : NULL;
    if (!copy) return not_copied(s);
    if (s->leave->way == LEAVE_TO_SERVER) return mode_of(vm->program, s->leave->service)->send(s, copy);
    const unsigned family = s->key->kind & KIND_IP4 ? 4 : 6;
    return mode_route(s, copy, s->leave->to.what & TRANSLATE_DST ? s->leave->to.dst : s->key->dst, family);
}
