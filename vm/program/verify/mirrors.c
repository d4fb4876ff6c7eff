/* The verifier's part for copies of packets and for members that rules add: each row belongs to one rule
 * (verify_rule asks the other way), and copies have a destination within bounds that the runtime relies on. */
#include "vm/program/verify/verify_priv.h"

static bool verify_mirror(const struct verifier *v, uint32_t i)
{
    const struct program *p = v->p;
    const struct pbc_mirror *m = &p->mirrors[i];
    if (m->rule >= p->rules_count || p->rules[m->rule].verdict != PBC_V_MIRROR || p->rules[m->rule].mirror != i)
        return fault(v, "mirror %u: rule %u doesn't have this mirror", i, m->rule);
    if (m->to >= PBC_MIRROR_TOS) return fault(v, "mirror %u: unknown target %u", i, m->to);
    if (m->flags > PBC_MIRROR_SENT) return fault(v, "mirror %u: unknown flags 0x%x", i, m->flags);
    if (m->reserved || m->reserved2) return fault(v, "mirror %u: reserved bytes aren't zero", i);
    if (m->meter > p->meters_count) return fault(v, "mirror %u: meter %u doesn't exist", i, m->meter - 1);
    if (m->meter && p->meters[m->meter - 1].per)
        return fault(v, "mirror %u: its meter counts per source, destination or flow", i);
    if (m->snap < (m->to == PBC_MIRROR_DEVICE ? PBC_SNAP_SENT_MIN : 1) || m->snap > PBC_SNAP_MAX)
        return fault(v, "mirror %u: a copy can't be cut to %u bytes", i, m->snap);
    if (m->to == PBC_MIRROR_FILE ? m->size < PBC_MIRROR_SIZE_MIN || m->size > PBC_MIRROR_SIZE_MAX : m->size != 0)
        return fault(v, "mirror %u: the size of its file is out of bounds, or its target isn't a file", i);
    if (!m->target || !verify_string(v, m->target, "mirror", i))
        return fault(v, "mirror %u: its target is missing or isn't a valid string", i);
    return mirror_target_is_right((enum pbc_mirror_to)m->to, program_str(p, m->target)) ||
           fault(v, "mirror %u: its target isn't a valid %s", i,
                 m->to == PBC_MIRROR_FILE     ? ".pcapng path"
                 : m->to == PBC_MIRROR_DEVICE ? "interface name"
                                              : "socket name");
}

static bool verify_add(const struct verifier *v, uint32_t i)
{
    const struct program *p = v->p;
    const struct pbc_add *a = &p->adds[i];
    uint8_t reserved = 0;
    if (a->rule >= p->rules_count || p->rules[a->rule].verdict != PBC_V_ADD || p->rules[a->rule].add != i + 1)
        return fault(v, "add %u: rule %u doesn't have this `add`", i, a->rule);
    if (a->live >= p->lives_count) return fault(v, "add %u: live set doesn't exist", i);
    if (a->for_ns < PBC_ADD_NS_MIN || a->for_ns > PBC_ADD_NS_MAX)
        return fault(v, "add %u: its time is out of bounds", i);
    if (a->len4 > 32 || a->len6 > 128)
        return fault(v, "add %u: its prefix lengths are %u in IPv4 and %u in IPv6, but at most 32 and 128 are possible",
                     i, a->len4, a->len6);
    if (a->flags & ~(PBC_ADD_DESTINATION | PBC_ADD_ONCE | PBC_ADD_CUT))
        return fault(v, "add %u: unknown flags 0x%x", i, a->flags);
    for (unsigned k = 0; k < sizeof a->reserved; k++) reserved |= a->reserved[k];
    return !reserved || fault(v, "add %u: reserved bytes aren't zero", i);
}

bool verify_mirrors(const struct verifier *v)
{
    for (uint32_t i = 0; i < v->p->adds_count; i++)
        if (!verify_add(v, i)) return false;
    for (uint32_t i = 0; i < v->p->mirrors_count; i++)
        if (!verify_mirror(v, i)) return false;
    return true;
}
