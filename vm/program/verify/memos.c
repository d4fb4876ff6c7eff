/* The verifier's part for remembered verdicts: each is a rule of its firewall, or the firewall's default; it
 * decides, does not log, and asks only for fields of a flow. The compiler proves that no earlier rule matches; this
 * is not checked here. A file with a false claim remembers wrong verdicts, but reaches nothing outside. */
#include "vm/program/verify/verify_priv.h"
#include "vm/tables.h"
#include "vm/verdict.h"

static bool verify_decider(const struct verifier *v, uint32_t i, const uint32_t *before)
{
    const struct program *p = v->p;
    const uint32_t rule = p->memos[i].rule;
    if (rule >= p->rules_count) return fault(v, "memo %u: rule %u doesn't exist", i, rule);
    const struct pbc_rule *r = &p->rules[rule];
    if (r->list != p->memos[i].firewall) return fault(v, "memo %u: rule %u belongs to another list", i, rule);
    if (r->verdict > PBC_V_REJECT || r->flags & PBC_RULE_LOG)
        return fault(v, "memo %u: rule %u decides nothing, or logs", i, rule);
    return before[r->conds + r->cond_count] == before[r->conds] ||
           fault(v, "memo %u: rule %u has a condition that may change within a flow", i, rule);
}

static bool ascending(const struct pbc_memo *a, const struct pbc_memo *b)
{
    return a->firewall != b->firewall ? a->firewall < b->firewall : a->rule < b->rule;
}

bool verify_memos(const struct verifier *v)
{
    const struct program *p = v->p;
    if (p->memos_count && !(p->meta->flags & PBC_KEEPS_FLOWS)) return fault(v, "memo 0: the program keeps no flows");
    uint32_t *before __attribute__((cleanup(free_held))) = malloc(((size_t)p->conds_count + 1) * sizeof *before);
    if (!before) return fault_memory(v);
    before[0] = 0; /* [i]: number of the first i conditions that ask for more than a flow's fields */
    for (uint32_t i = 0; i < p->conds_count; i++) before[i + 1] = before[i] + !pbc_asks_flow(&p->conds[i]);
    for (uint32_t i = 0; i < p->memos_count; i++) {
        const struct pbc_memo *m = &p->memos[i];
        if (m->firewall >= p->firewalls_count) return fault(v, "memo %u: firewall %u doesn't exist", i, m->firewall);
        if (i && !ascending(m - 1, m)) return fault(v, "memo %u is out of order", i);
        if (m->rule != RULE_DEFAULT && !verify_decider(v, i, before)) return false;
    }
    return true;
}
