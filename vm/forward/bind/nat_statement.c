/* The statement of a nat that translates a packet: the first one that fits */
#include <string.h>

#include "vm/forward/bind/nat_priv.h"
#include "vm/judge/decide.h"
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

/* True if the statement translates the packet's source. The way out is not known yet, so the test is: the packet did
 * not come in by the statement's interface, its source is one of the statement's, and its destination is not inside:
 * for a map, not inside any statement; else not inside this statement or a map. With a destination that was `turned`
 * from an outside end to an inside one, the last part is left out. A statement on any source has no inside; after
 * `turned` it needs a known incoming interface. */
static bool leaves_by(const struct program *p, const struct pbc_nat *n, const struct key *key, bool turned)
{
    if (n->kind == PBC_NAT_MAP) {
        if (n->iface != PBC_NONE && key->iface == n->iface) return false;
        return address_in_prefix(n->target, n->len, key->src) && (turned || !(is_mapped(p, key) || is_source(p, key)));
    }
    if (key->iface == n->iface || !in_from(p, n, key, false)) return false;
    if (!n->from_count) return !turned || key->iface != IFACE_NONE;
    return turned || !(in_from(p, n, key, true) || is_mapped(p, key));
}

uint32_t nat_statement_out(const struct program *p, const struct key *key, bool turned)
{
    for (uint32_t i = 0; i < p->nats_count; i++) {
        const struct pbc_nat *one = &p->nats[i];
        if (one->kind == PBC_NAT_FORWARD || (one->family && one->family != family_of(key))) continue;
        if (leaves_by(p, one, key, turned)) return i;
    }
    return PBC_NONE;
}

uint32_t nat_statement_in(const struct program *p, const struct key *key)
{
    for (uint32_t i = 0; i < p->nats_count; i++)
        if (forwards(p, &p->nats[i], key) || maps_in(&p->nats[i], key)) return i;
    return PBC_NONE;
}
