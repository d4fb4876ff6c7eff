/* The statement of a nat that translates a packet: the first one that fits */
#include <string.h>

#include "vm/forward/bind/nat_priv.h"
#include "vm/judge/decide.h"
#include "vm/judge/routes.h"
#include "vm/packet/parse/header.h"
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

static bool in_from(const struct program *p, const struct pbc_nat *n, const struct key *key, bool dst)
{
    for (uint32_t i = n->from; i < n->from + n->from_count; i++)
        if (set_has(p, i, key, dst)) return true;
    return !n->from_count;
}

static bool forwards(const struct program *p, const struct pbc_nat *n, const struct key *key)
{
    if (n->kind != PBC_NAT_FORWARD || n->family != family_of(key)) return false;
    const bool here = n->flags & PBC_NAT_TO_SELF ? (key->kind & KIND_DST_SELF) != 0 : address_equal(n->to, key->dst);
    if (!here || (n->iface != PBC_NONE && key->iface != n->iface)) return false;
    return has_protocol(n, key) && in_from(p, n, key, false);
}

/* True if the destination is an outside address of a map, wherever the packet comes from: inside hosts use it, too.
 * This machine's own addresses are not mapped. */
static bool maps_in(const struct pbc_nat *n, const struct key *key)
{
    if (key->kind & KIND_DST_SELF) return false;
    return n->kind == PBC_NAT_MAP && n->family == family_of(key) && address_in_prefix(n->to, n->len, key->dst);
}

/* True if the destination is the inside of a map (is_mapped), or a source that a statement names (is_source). */
static bool is_mapped(const struct program *p, const struct key *key)
{
    for (uint32_t i = 0; i < p->nats_count; i++) {
        const struct pbc_nat *n = &p->nats[i];
        if (n->kind == PBC_NAT_MAP && n->family == family_of(key) && address_in_prefix(n->target, n->len, key->dst))
            return true;
    }
    return false;
}

static bool is_source(const struct program *p, const struct key *key)
{
    for (uint32_t i = 0; i < p->nats_count; i++) {
        const struct pbc_nat *n = &p->nats[i];
        if (n->kind <= PBC_NAT_SOURCE && n->from_count && in_from(p, n, key, true)) return true;
    }
    return false;
}

/* True if the statement may give the packet's source an outside end, if it leaves as the statement says. A map without
 * an interface says that the destination is not inside: in no source that a statement names, and in no map. */
static bool takes(const struct program *p, const struct pbc_nat *n, const struct nat_leaving *l)
{
    const struct key *key = l->key;
    if (n->kind == PBC_NAT_FORWARD || (n->family && n->family != family_of(key))) return false;
    if (n->kind != PBC_NAT_MAP) return in_from(p, n, key, false);
    return address_in_prefix(n->target, n->len, key->src) &&
           (l->turned || n->iface != PBC_NONE || !(is_mapped(p, key) || is_source(p, key)));
}

/* Find the way of the packet, once. */
static const struct way_found *leaving_way(struct nat_leaving *l)
{
    if (!l->asked) l->way = way_find(l->facts, l->key, l->pkt, l->to);
    l->asked = true;
    return &l->way;
}

/* True if a destination that was turned lies where the packet came from: unless the source is translated, too, answers
 * would not come back through here (hairpin: RFC 4787, REQ-9). Where either interface is unknown, a source that a
 * statement names is taken to be there. A packet that came in by the statement's interface is none: its source is
 * outside. */
static bool is_hairpin(const struct pbc_nat *n, struct nat_leaving *l)
{
    const uint16_t came = l->key->iface;
    if (!l->turned || came == n->iface) return false;
    if (leaving_way(l)->kind != ROUTE_ASK && came != IFACE_NONE) return l->way.out == came + 1;
    return n->kind == PBC_NAT_MAP || n->from_count;
}

/* Knowledge of a packet and the way that a statement says */
enum leaves { LEAVES_NOT, LEAVES, LEAVES_UNKNOWN };

static enum leaves leaves_by(const struct pbc_nat *n, struct nat_leaving *l)
{
    if (n->iface == PBC_NONE || is_hairpin(n, l)) return LEAVES;
    if (leaving_way(l)->kind == ROUTE_ASK) return LEAVES_UNKNOWN;
    return l->way.out == n->iface + 1 ? LEAVES : LEAVES_NOT;
}

uint32_t nat_statement_out(const struct program *p, struct nat_leaving *l)
{
    l->unknown = false;
    for (uint32_t i = 0; i < p->nats_count; i++) {
        if (!takes(p, &p->nats[i], l)) continue;
        const enum leaves how = leaves_by(&p->nats[i], l);
        l->unknown = how == LEAVES_UNKNOWN;
        if (how != LEAVES_NOT) return l->unknown ? PBC_NONE : i;
    }
    return PBC_NONE;
}

uint32_t nat_statement_in(const struct program *p, const struct key *key)
{
    for (uint32_t i = 0; i < p->nats_count; i++)
        if (forwards(p, &p->nats[i], key) || maps_in(&p->nats[i], key)) return i;
    return PBC_NONE;
}
