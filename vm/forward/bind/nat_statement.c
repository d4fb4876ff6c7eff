/* The statement of a nat that translates a packet: the first one that fits */
#include <string.h>

#include "vm/forward/bind/nat_priv.h"
#include "vm/forward/service.h"
#include "vm/judge/decide.h"
#include "vm/judge/routes.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"
#include "vm/program/program.h"

static bool is_echo(const struct key *key, uint8_t family)
{
    if (!(key->kind & KIND_ICMP_HEADER)) return false;
    return family == 6 ? key->kind & KIND_ICMP6 && key->icmp_type == ICMP6_ECHO
                       : key->kind & KIND_ICMP && key->icmp_type == ICMP4_ECHO;
}

static bool has_protocol(const struct pbc_nat *n, const struct key *key)
{
    if (n->proto == PBC_EP_IP) return key->kind & KIND_PROTO && key->proto == n->ip_proto;
    if (n->proto == PBC_EP_ECHO4 || n->proto == PBC_EP_ECHO6) return is_echo(key, n->family);
    return key->kind & endpoint_info[n->proto].kinds && key->kind & KIND_PORTS && key->dst_port >= n->port_lo &&
           key->dst_port <= n->port_hi;
}

static bool in_from(const struct program *p, const struct pbc_nat *n, const struct key *key)
{
    for (uint32_t i = n->from; i < n->from + n->from_count; i++)
        if (set_has(p, i, key, false)) return true;
    return !n->from_count;
}

/* True if the statement's further conditions hold, except `out on` (nat_leaves). They need no bytes of the packet.
 * If `blind` is given, `on` conditions hold while the packet's incoming interface is unknown, and set *blind. */
static bool conds_hold(const struct program *p, const struct pbc_nat *n, const struct key *key, bool *blind)
{
    bool unknown = false;
    for (uint32_t i = n->conds; i < n->conds + n->cond_count; i++) {
        const struct pbc_cond *c = &p->conds[i];
        if (blind && c->kind == COND_ON && key->iface == IFACE_NONE)
            unknown = true;
        else if (c->kind != COND_OUT_ON && !cond_match(p, c, key, NULL))
            return false;
    }
    if (blind) *blind = unknown;
    return true;
}

static const struct pbc_cond *out_on(const struct program *p, const struct pbc_nat *n)
{
    for (uint32_t i = n->conds; i < n->conds + n->cond_count; i++)
        if (p->conds[i].kind == COND_OUT_ON) return &p->conds[i];
    return NULL;
}

bool nat_leaves_by_several(const struct program *p, const struct pbc_nat *n)
{
    return n->kind != PBC_NAT_FORWARD && out_on(p, n);
}

bool nat_leaves(const struct program *p, const struct pbc_nat *n, uint16_t iface)
{
    const struct pbc_cond *c = out_on(p, n);
    if (!c) return n->iface == iface;
    if (iface == IFACE_NONE) return false;
    bool listed = false;
    for (uint32_t i = c->first; i < c->first + c->count; i++)
        listed |= p->ranges[i].lo <= iface && iface <= p->ranges[i].hi;
    return listed != (c->flags & PBC_COND_NOT);
}

bool program_masquerades(const struct program *p, uint16_t iface)
{
    bool does = false;
    for (uint32_t i = 0; i < p->nats_count; i++)
        does |= p->nats[i].kind == PBC_NAT_MASQUERADE && nat_leaves(p, &p->nats[i], iface);
    return does;
}

/* True if the destination is one that a `forward` names. With `any`, it names all but the target's; packets from the
 * target are never led back to it. */
static bool names_destination(const struct pbc_nat *n, const struct key *key)
{
    if (n->flags & PBC_NAT_TO_SELF) return key->kind & KIND_DST_SELF;
    if (n->flags & PBC_NAT_TO_ANY) return !address_equal(n->target, key->src) && !address_equal(n->target, key->dst);
    return address_equal(n->to, key->dst);
}

static bool forwards(const struct program *p, const struct pbc_nat *n, const struct key *key)
{
    if (n->kind != PBC_NAT_FORWARD || n->family != family_of(key) || !names_destination(n, key)) return false;
    if (n->iface != PBC_NONE && key->iface != n->iface) return false;
    return has_protocol(n, key) && in_from(p, n, key) && conds_hold(p, n, key, NULL);
}

/* True if the destination is an outside address of a map, wherever the packet comes from: inside hosts use it, too.
 * This machine's own addresses are not mapped. */
static bool maps_in(const struct pbc_nat *n, const struct key *key)
{
    if (key->kind & KIND_DST_SELF) return false;
    return n->kind == PBC_NAT_MAP && n->family == family_of(key) && address_in_prefix(n->to, n->len, key->dst);
}

bool nat_leaves_anywhere(const struct program *p, const struct pbc_nat *n)
{
    return n->iface == PBC_NONE && !nat_leaves_by_several(p, n);
}

/* True if the statement may give the packet's source an outside end, if the packet leaves by the statement's way. */
static bool statement_takes(const struct program *p, const struct pbc_nat *n, struct nat_leaving *l)
{
    const struct key *key = l->key;
    if (n->kind == PBC_NAT_FORWARD || (n->family && n->family != family_of(key))) return false;
    l->blind = false;
    if (!conds_hold(p, n, key, l->routed ? &l->blind : NULL)) return false;
    if (n->kind != PBC_NAT_MAP) return in_from(p, n, key);
    return address_in_prefix(n->target, n->len, key->src);
}

/* Return the way of a packet with a translated destination. *unmarked: the stack might set a mark, and the way is
 * that of packets without one. */
static struct way_found turned_way(const struct facts *f, const struct key *key, const struct pkt *pkt, bool *unmarked)
{
    const struct way_found way = way_find(f, key, pkt, key->dst);
    *unmarked = way.kind == ROUTE_ASK && way.why == WAY_MARK;
    const bool chooses = way.kind == ROUTE_ASK && way.why == WAY_SEVERAL;
    return *unmarked || chooses ? way_find_past(f, key, pkt, key->dst) : way;
}

const struct way_found *nat_leaving_way(struct nat_leaving *l)
{
    if (l->asked) return &l->way;
    l->asked = true;
    l->way = l->turned ? turned_way(l->facts, l->key, l->pkt, &l->unmarked)
                       : way_find(l->facts, l->key, l->pkt, l->key->dst);
    l->untold = l->way.kind == ROUTE_ASK && (l->way.why == WAY_NO_ROUTES || l->pkt->flags & PKT_WAY_SAID);
    if (l->routed) l->way.iface = l->pkt->iface; /* the interface itself, which rules may know by a pattern */
    return &l->way;
}

bool nat_is_hairpin(const struct program *p, const struct pbc_nat *n, struct nat_leaving *l)
{
    if (!l->turned || nat_leaves(p, n, l->key->iface)) return false;
    const struct way_found *way = nat_leaving_way(l);
    return l->pkt->iface == IFACE_NONE || l->untold ? n->kind == PBC_NAT_MAP || n->from_count
                                                    : way->out && way->iface == l->pkt->iface;
}

/* Result of leaves_by: the packet leaves by a statement's way, it does not, or this is unknown */
enum leaves { LEAVES_NOT, LEAVES, LEAVES_UNKNOWN };

static enum leaves leaves_by(const struct program *p, const struct pbc_nat *n, struct nat_leaving *l)
{
    if (nat_leaves_anywhere(p, n) || nat_is_hairpin(p, n, l)) return LEAVES;
    if (nat_leaving_way(l)->kind == ROUTE_ASK) return LEAVES_UNKNOWN;
    if (!l->way.out || !nat_leaves(p, n, (uint16_t)(l->way.out - 1))) return LEAVES_NOT;
    return l->unmarked ? LEAVES_UNKNOWN : LEAVES;
}

/* Return the first statement that takes a packet with l->key; PBC_NONE: none, or l->unknown. */
static uint32_t statement_out(const struct program *p, struct nat_leaving *l)
{
    l->unknown = false;
    for (uint32_t i = 0; i < p->nats_count; i++) {
        if (!statement_takes(p, &p->nats[i], l)) continue;
        const enum leaves says = leaves_by(p, &p->nats[i], l), how = says == LEAVES && l->blind ? LEAVES_UNKNOWN : says;
        l->unknown = how == LEAVES_UNKNOWN;
        if (how != LEAVES_NOT) return l->unknown ? PBC_NONE : i;
    }
    return PBC_NONE;
}

/* True if the packet is an error without a flow. Set *shown to the key of a packet from the receiver of the quoted
 * one, because it has that end's inside address, whoever sent the error. */
static bool shows_inside(const struct nat_leaving *l, struct key *shown)
{
    const struct key *key = l->key;
    struct quoted q;
    if (l->turned || key->marks & MARK_RELATED || !icmp_is_error(key) || !quoted_read(l->pkt, key, &q)) return false;
    const struct icmp_query *query =
        q.key.kind & KIND_ICMP_HEADER ? icmp_query_of(q.key.kind & KIND_ICMP6, q.key.icmp_type) : NULL;
    *shown = q.key;
    memcpy(shown->src, q.key.dst, sizeof shown->src);
    memcpy(shown->dst, q.key.src, sizeof shown->dst);
    shown->src_port = q.key.dst_port;
    shown->dst_port = q.key.src_port;
    if (query) shown->icmp_type = query->asks;
    shown->kind |= key->kind & (KIND_IN | KIND_OUT | KIND_FORWARD);
    shown->iface = key->iface;
    return true;
}

uint32_t nat_statement_out(const struct program *p, struct nat_leaving *l)
{
    struct key shown;
    const uint32_t own = statement_out(p, l);
    if (own != PBC_NONE || l->unknown || !shows_inside(l, &shown)) return own;
    const struct key *key = l->key;
    nat_leaving_way(l); /* the way of the error itself */
    l->key = &shown;
    const uint32_t of_quoted = statement_out(p, l);
    l->key = key;
    return of_quoted;
}

bool nat_takes_routed(const struct program *p, const struct facts *f, const struct key *key, const struct pkt *pkt,
                      bool *unknown)
{
    struct nat_leaving l = {.key = key, .pkt = pkt, .facts = f, .routed = true};
    const bool takes = nat_statement_out(p, &l) != PBC_NONE;
    *unknown = l.unknown;
    return takes;
}

uint32_t nat_statement_in(const struct program *p, const struct key *key)
{
    for (uint32_t i = 0; i < p->nats_count; i++)
        if (forwards(p, &p->nats[i], key) || maps_in(&p->nats[i], key)) return i;
    return PBC_NONE;
}
