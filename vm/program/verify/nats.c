/* The verifier's part for address translation: each statement of a nat says what it translates to, completely, and
 * nothing that is another kind's. */
#include <string.h>

#include "vm/program/verify/verify_priv.h"

static bool is_zero(const uint32_t words[4]) { return !(words[0] | words[1] | words[2] | words[3]); }

static bool fits_family(const uint32_t words[4], uint8_t family)
{
    return family == 6 || !(words[1] | words[2] | words[3]);
}

static bool verify_outbound(const struct verifier *v, uint32_t i)
{
    const struct program *p = v->p;
    const struct pbc_nat *n = &p->nats[i];
    bool masquerade = n->kind == PBC_NAT_MASQUERADE;
    if (!inside(n->from, n->from_count, p->sets_count)) return fault(v, "nat %u: past the end of `sets`", i);
    if (n->out >= p->ifaces_count) return fault(v, "nat %u: interface does not exist", i);
    if (masquerade ? n->family != 0 : n->family != 4 && n->family != 6)
        return fault(v, "nat %u: unknown family %u", i, n->family);
    if (is_zero(n->to) != masquerade || !fits_family(n->to, n->family))
        return fault(v, "nat %u: not an address to translate to", i);
    if (n->port_lo == 0) return fault(v, "nat %u: port 0", i);
    return (is_zero(n->target) && !n->target_port && !n->proto && !n->flags) ||
           fault(v, "nat %u: forwards, but is no `forward`", i);
}

static bool verify_ports(const struct verifier *v, uint32_t i)
{
    const struct pbc_nat *n = &v->p->nats[i];
    if (n->proto >= PBC_EP_PROTOS) return fault(v, "nat %u: unknown protocol %u", i, n->proto);
    if (n->proto >= PBC_EP_ECHO4) {
        if (n->family != (n->proto == PBC_EP_ECHO4 ? 4 : 6)) return fault(v, "nat %u: an echo of another family", i);
        return (!n->port_hi && !n->target_port) || fault(v, "nat %u: an echo with ports", i);
    }
    if (n->port_lo == 0) return fault(v, "nat %u: port 0", i);
    return !n->target_port || (uint32_t)n->target_port + (n->port_hi - n->port_lo) <= UINT16_MAX ||
           fault(v, "nat %u: ports past 65535", i);
}

static bool verify_forward(const struct verifier *v, uint32_t i)
{
    const struct pbc_nat *n = &v->p->nats[i];
    bool self = n->flags & PBC_NAT_TO_SELF;
    if (n->from || n->from_count || n->out != PBC_NONE)
        return fault(v, "nat %u: a `forward` with sources or way out", i);
    if (n->family != 4 && n->family != 6) return fault(v, "nat %u: unknown family %u", i, n->family);
    if (n->flags > PBC_NAT_TO_SELF) return fault(v, "nat %u: unknown flags 0x%x", i, n->flags);
    if (self && !(v->p->meta->flags & PBC_NEEDS_SELF)) return fault(v, "nat %u: own addresses that nobody asks for", i);
    if (is_zero(n->to) != self || is_zero(n->target) || !fits_family(n->to, n->family) ||
        !fits_family(n->target, n->family))
        return fault(v, "nat %u: not an address to forward", i);
    return verify_ports(v, i);
}

bool verify_nats(const struct verifier *v)
{
    const struct program *p = v->p;
    uint64_t work = 0;
    for (uint32_t i = 0; i < p->nats_count; i++) {
        const struct pbc_nat *n = &p->nats[i];
        if (!verify_string(v, n->name, "nat", i) || !verify_string(v, n->place.file, "nat", i)) return false;
        if (n->kind >= PBC_NAT_KINDS) return fault(v, "nat %u: unknown kind %u", i, n->kind);
        if (n->port_lo > n->port_hi) return fault(v, "nat %u: ports run backwards", i);
        if (!(n->kind == PBC_NAT_FORWARD ? verify_forward(v, i) : verify_outbound(v, i))) return false;
        for (size_t r = 0; r < sizeof n->reserved; r++)
            if (n->reserved[r]) return fault(v, "nat %u: reserved bytes are not zero", i);
        work += 1 + (uint64_t)n->from_count;
        if (work > PBC_WALK_MAX) return fault(v, "nat %u: more than %u statements and sets to try", i, PBC_WALK_MAX);
    }
    return true;
}
