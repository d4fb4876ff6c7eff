/* The verifier's part for address translation: each statement of a nat describes its translation completely, and
 * sets no field of another kind. */
#include <string.h>

#include "vm/packet/key.h"
#include "vm/program/program.h"
#include "vm/program/verify/verify_priv.h"

static bool is_zero(const uint32_t words[4]) { return !(words[0] | words[1] | words[2] | words[3]); }

static bool fits_family(const uint32_t words[4], uint8_t family)
{
    return family == 6 || !(words[1] | words[2] | words[3]);
}

/* True if statements of that kind may have the condition. It needs the key only. */
static bool nat_asks(uint8_t kind, uint8_t cond)
{
    if (cond == COND_OUT_ON) return kind != PBC_NAT_FORWARD;
    if (kind == PBC_NAT_MAP) return false;
    if (cond == COND_FROM || cond == COND_ON) return true;
    return kind != PBC_NAT_FORWARD && (cond == COND_FAMILY || cond == COND_PROTO || cond == COND_TO ||
                                       cond == COND_PORT || cond == COND_SOURCE_PORT);
}

/* Verify the conditions, and add their possible trials to *work. */
static bool verify_conds(const struct verifier *v, uint32_t i, uint64_t *work)
{
    const struct pbc_nat *n = &v->p->nats[i];
    unsigned ways = n->iface != PBC_NONE;
    for (uint32_t k = n->conds; k < n->conds + n->cond_count; k++) {
        const struct pbc_cond *c = &v->p->conds[k];
        if (!nat_asks(n->kind, c->kind)) return fault(v, "nat %u: condition %u isn't possible for its kind", i, k);
        ways += c->kind == COND_OUT_ON;
        *work += 1 + (uint64_t)c->count;
        if (*work > PBC_WALK_MAX) break;
    }
    return ways <= 1 || n->kind == PBC_NAT_FORWARD ||
           fault(v, "nat %u has more than one condition for the output interface", i);
}

/* True if a field is set that only FORWARD and MAP have. */
static bool has_ends(const struct pbc_nat *n)
{
    return !is_zero(n->to) || !is_zero(n->target) || n->target_port || n->proto || n->ip_proto || n->len ||
           n->flags & ~(unsigned)PBC_NAT_QUERIES;
}

static bool has_way(const struct program *p, const struct pbc_nat *n)
{
    bool has = n->iface != PBC_NONE;
    for (uint32_t k = n->conds; k < n->conds + n->cond_count; k++) has |= p->conds[k].kind == COND_OUT_ON;
    return has;
}

/* Verify the ranges of ports: ascending, from port_lo to port_hi. */
static bool verify_ranges(const struct verifier *v, uint32_t i)
{
    const struct pbc_nat *n = &v->p->nats[i];
    if (!n->port_count) return !n->ports || fault(v, "nat %u has a position of port ranges, but no range", i);
    const struct pbc_range *r = v->p->ranges + n->ports;
    bool good = r[0].lo == n->port_lo && r[n->port_count - 1].hi == n->port_hi;
    for (uint32_t k = 0; k < n->port_count; k++) good &= r[k].lo <= r[k].hi && (!k || r[k - 1].hi < r[k].lo);
    return good || fault(v, "nat %u: its ranges of ports aren't in order, or don't go from port_lo to port_hi", i);
}

static bool verify_outbound(const struct verifier *v, uint32_t i)
{
    const struct program *p = v->p;
    const struct pbc_nat *n = &p->nats[i];
    bool masquerade = n->kind == PBC_NAT_MASQUERADE;
    if (!has_way(p, n)) return fault(v, "nat %u has no output interface", i);
    if (masquerade ? n->family != 0 : n->family != 4 && n->family != 6)
        return fault(v, "nat %u: unknown family %u", i, n->family);
    if ((address_count(p, n->outside, n->outside_count, n->family, PBC_OUTSIDES_MAX) == 0) != masquerade)
        return fault(v, "nat %u: its addresses to translate to don't fit its kind", i);
    if (n->port_lo == 0) return fault(v, "nat %u: port 0 isn't possible", i);
    if (!verify_ranges(v, i)) return false;
    return !has_ends(n) || fault(v, "nat %u has fields of a `forward` or `map`, but is neither", i);
}

/* True if the protocol has ports or identifiers. */
static bool tells_more(uint8_t number)
{
    bool more = false;
    for (unsigned u = 0; u < UPPERS; u++)
        more |= uppers[u].number == number && uppers[u].there & (KIND_PORTS | KIND_ICMP_HEADER);
    return more;
}

static bool verify_ports(const struct verifier *v, uint32_t i)
{
    const struct pbc_nat *n = &v->p->nats[i];
    if (n->proto >= PBC_EP_PROTOS) return fault(v, "nat %u: unknown protocol %u", i, n->proto);
    if (n->proto == PBC_EP_IP) {
        if (n->port_hi || n->target_port) return fault(v, "nat %u has ports, but its protocol has none", i);
        return !tells_more(n->ip_proto) ||
               fault(v, "nat %u: protocol %u has ports or identifiers, so its name must be given", i, n->ip_proto);
    }
    if (n->ip_proto) return fault(v, "nat %u has a protocol's number, and a protocol's name", i);
    if (n->proto >= PBC_EP_ECHO4) {
        if (n->family != (n->proto == PBC_EP_ECHO4 ? 4 : 6))
            return fault(v, "nat %u: `icmp` or `icmp6` isn't of the family of its addresses", i);
        return (!n->port_hi && !n->target_port) || fault(v, "nat %u has ports, but forwards echo requests", i);
    }
    if (n->port_lo == 0) return fault(v, "nat %u: port 0 isn't possible", i);
    return !n->target_port || (uint32_t)n->target_port + (n->port_hi - n->port_lo) <= UINT16_MAX ||
           fault(v, "nat %u: its ports of the target go past 65535", i);
}

/* Verify the fields that FORWARD and MAP share. */
static bool verify_inbound(const struct verifier *v, uint32_t i)
{
    const struct pbc_nat *n = &v->p->nats[i];
    const bool wide = n->flags & (PBC_NAT_TO_SELF | PBC_NAT_TO_ANY);
    if (n->outside || n->outside_count || n->ports || n->port_count)
        return fault(v, "nat %u has fields of a `source` or `masquerade`, but is neither", i);
    if (!n->family) return fault(v, "nat %u: unknown family 0", i);
    if (is_zero(n->to) != wide || is_zero(n->target) || !fits_family(n->to, n->family) ||
        !fits_family(n->target, n->family))
        return fault(v, "nat %u: an address is missing, or doesn't fit the flags or the family", i);
    return true;
}

/* Verify a `forward`, except the flags of `meta` */
static bool verify_lead(const struct verifier *v, uint32_t i)
{
    const struct pbc_nat *n = &v->p->nats[i];
    if (n->flags & (n->flags - 1u) || n->flags > PBC_NAT_TO_ANY)
        return fault(v, "nat %u: unknown flags 0x%x", i, n->flags);
    if (n->len) return fault(v, "nat %u has a prefix length, but is a `forward`", i);
    return verify_inbound(v, i) && verify_ports(v, i);
}

static bool verify_forward(const struct verifier *v, uint32_t i)
{
    const struct pbc_nat *n = &v->p->nats[i];
    if (n->flags & PBC_NAT_TO_SELF && !(v->p->meta->flags & PBC_NEEDS_SELF))
        return fault(v, "nat %u matches own addresses, but `meta` lacks their flag", i);
    return verify_lead(v, i);
}

/* True if bits behind the prefix are set. */
static bool has_host_bits(const uint32_t words[4], unsigned len, unsigned family)
{
    uint32_t past = 0;
    for (unsigned w = 0; w < (family == 4 ? 1 : 4); w++) {
        const unsigned here = len > 32 * w ? len - 32 * w : 0;
        if (here < 32) past |= words[w] & UINT32_MAX >> here;
    }
    return past;
}

static bool verify_map(const struct verifier *v, uint32_t i)
{
    const struct pbc_nat *n = &v->p->nats[i];
    if (n->from || n->from_count || n->port_hi || n->target_port || n->proto || n->flags || n->ip_proto)
        return fault(v, "nat %u is a `map`, but has fields of other kinds", i);
    if (!verify_inbound(v, i)) return false;
    if (!n->len || n->len > (n->family == 4 ? 32 : 128))
        return fault(v, "nat %u: a `map` of IPv%u can't have the prefix length %u", i, n->family, n->len);
    if (has_host_bits(n->to, n->len, n->family) || has_host_bits(n->target, n->len, n->family))
        return fault(v, "nat %u: address bits after the prefix are set", i);
    return memcmp(n->to, n->target, sizeof n->to) != 0 || fault(v, "nat %u maps a prefix to itself", i);
}

static bool verify_kind(const struct verifier *v, uint32_t i)
{
    switch ((enum pbc_nat_kind)v->p->nats[i].kind) {
    case PBC_NAT_FORWARD: return verify_forward(v, i);
    case PBC_NAT_MAP: return verify_map(v, i);
    default: return verify_outbound(v, i);
    }
}

static bool verify_past_outbound(const struct verifier *v, uint32_t i)
{
    const struct pbc_nat *n = &v->p->nats[i];
    if (n->kind == PBC_NAT_MASQUERADE ? n->family != 0 : n->family != 4 && n->family != 6)
        return fault(v, "nat %u: unknown family %u", i, n->family);
    if (n->port_lo == 0) return fault(v, "nat %u: port 0 isn't possible", i);
    return !has_ends(n) || fault(v, "nat %u has fields of a `forward` or `map`, but is neither", i);
}

bool verify_past_nat(const struct verifier *v, uint32_t i)
{
    const struct pbc_nat *n = &v->p->nats[i];
    if (!verify_fields(v, FIELDS_NAT, i)) return false;
    if (n->from || n->from_count || n->outside || n->outside_count || n->conds || n->cond_count || n->ports ||
        n->port_count)
        return fault(v, "nat %u belongs to an earlier program, but has fields that only current nats have", i);
    if (n->port_lo > n->port_hi) return fault(v, "nat %u: ports run backwards", i);
    if (n->kind == PBC_NAT_FORWARD) return verify_lead(v, i);
    return n->kind == PBC_NAT_MAP ? verify_map(v, i) : verify_past_outbound(v, i);
}

bool verify_nats(const struct verifier *v)
{
    const struct program *p = v->p;
    uint64_t work = 0, outsides = 0, ranges = 0;
    for (uint32_t i = 0; i < p->nats_count; i++) {
        const struct pbc_nat *n = &p->nats[i];
        if (!verify_fields(v, FIELDS_NAT, i)) return false;
        work += 1 + (uint64_t)n->from_count + n->outside_count;
        if (!verify_conds(v, i, &work)) return false;
        if (work > PBC_WALK_MAX)
            return fault(v, "nats up to %u have more than %u statements, sets and conditions to try", i, PBC_WALK_MAX);
        if (n->port_lo > n->port_hi) return fault(v, "nat %u: ports run backwards", i);
        if (!verify_kind(v, i)) return false;
        outsides += address_count(p, n->outside, n->outside_count, n->family, PBC_OUTSIDES_MAX);
        ranges += n->port_count;
        if (ranges > PBC_NAT_PORTS_MAX)
            return fault(v, "nats up to %u have more than %u ranges of ports to translate to", i,
                         (unsigned)PBC_NAT_PORTS_MAX);
        if (outsides > PBC_OUTSIDES_MAX)
            return fault(v, "nats up to %u have more than %u addresses to translate to", i, (unsigned)PBC_OUTSIDES_MAX);
    }
    return true;
}
