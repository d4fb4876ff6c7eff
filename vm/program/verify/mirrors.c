/* The verifier's part for copies of packets: each row belongs to one rule (verify_rule asks the other way), and says
 * where its copies go in bounds that the runtime relies on. */
#include "vm/program/verify/verify_priv.h"

static bool verify_mirror(const struct verifier *v, uint32_t i)
{
    const struct program *p = v->p;
    const struct pbc_mirror *m = &p->mirrors[i];
    if (m->rule >= p->rules_count || p->rules[m->rule].verdict != PBC_V_MIRROR || p->rules[m->rule].mirror != i)
        return fault(v, "mirror %u: rule %u has another", i, m->rule);
    if (m->to >= PBC_MIRROR_TOS) return fault(v, "mirror %u: unknown target %u", i, m->to);
    if (m->flags > PBC_MIRROR_SENT) return fault(v, "mirror %u: unknown flags 0x%x", i, m->flags);
    if (m->reserved || m->reserved2) return fault(v, "mirror %u: reserved bytes are not zero", i);
    if (m->meter > p->meters_count) return fault(v, "mirror %u: meter %u does not exist", i, m->meter - 1);
    if (m->meter && p->meters[m->meter - 1].per) return fault(v, "mirror %u: its meter has a key", i);
    if (m->snap < (m->to == PBC_MIRROR_DEVICE ? PBC_SNAP_SENT_MIN : 1) || m->snap > PBC_SNAP_MAX)
        return fault(v, "mirror %u: snap %u", i, m->snap);
    if (m->to == PBC_MIRROR_FILE ? m->size < PBC_MIRROR_SIZE_MIN || m->size > PBC_MIRROR_SIZE_MAX : m->size != 0)
        return fault(v, "mirror %u: size out of bounds", i);
    if (!m->target || !verify_string(v, m->target, "mirror", i)) return fault(v, "mirror %u: no target", i);
    return mirror_target_is_right((enum pbc_mirror_to)m->to, program_str(p, m->target)) ||
           fault(v, "mirror %u: its target can't be used", i);
}

bool verify_mirrors(const struct verifier *v)
{
    for (uint32_t i = 0; i < v->p->mirrors_count; i++)
        if (!verify_mirror(v, i)) return false;
    return true;
}
