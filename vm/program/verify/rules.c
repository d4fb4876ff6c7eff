/* The verifier's part for the rule list: interfaces, chains, firewalls, rules, conditions. It proves that the naive
 * executor ends: chains are acyclic and of bounded depth, and the work for one packet, chains expanded, is bounded. */
#include <string.h>

#include "vm/packet/key.h"
#include "vm/program/verify/verify_priv.h"
#include "vm/tables.h"

enum { DEVICE_LEN = 15 }; /* most bytes of a device's name */

static bool verify_interface(const struct verifier *v, uint32_t i)
{
    const struct pbc_iface *f = &v->p->ifaces[i];
    if (!verify_string(v, f->name, "interface", i) || !verify_string(v, f->device, "interface", i)) return false;
    if (strlen(program_str(v->p, f->device)) > DEVICE_LEN) return fault(v, "interface %u: its name is too long", i);
    if (f->mss && !(v->p->meta->flags & PBC_NEEDS_SELF))
        return fault(v, "interface %u: a clamp needs own addresses, but `meta` lacks their flag", i);
    return !f->reserved || fault(v, "interface %u: its reserved bytes aren't zero", i);
}

static bool verify_interfaces(const struct verifier *v)
{
    const struct iface_table t = program_ifaces(v->p);
    for (uint32_t i = 0; i < t.count; i++)
        if (!verify_interface(v, i)) return false;
    for (uint32_t i = 0; i < t.count; i++)
        if (iface_around(&t, i) != iface_nest(&t, i))
            return fault(v, "interface %u: the pattern around it isn't the longest that matches its name", i);
    return true;
}

/* Verify that each rule of the window belongs to `list`. A window that overlaps another fails at its first rule, so
 * all windows together take linear time. */
static bool verify_list(const struct verifier *v, const char *what, uint32_t index, uint32_t list, uint32_t first,
                        uint32_t count)
{
    const struct program *p = v->p;
    if (!inside(first, count, p->rules_count))
        return fault(v, "%s %u: its rules go past the end of `rules`", what, index);
    for (uint32_t i = first; i < first + count; i++)
        if (p->rules[i].list != list) return fault(v, "%s %u: rule %u belongs to another list", what, index, i);
    return true;
}

static bool verify_firewall(const struct verifier *v, uint32_t i)
{
    const struct pbc_firewall *f = &v->p->firewalls[i];
    if (!verify_string(v, f->name, "firewall", i) || !verify_string(v, f->place.file, "firewall", i)) return false;
    if (f->iface != PBC_NONE && f->iface >= v->p->ifaces_count)
        return fault(v, "firewall %u: interface %u doesn't exist", i, f->iface);
    if (f->direction > PBC_DIR_FORWARD) return fault(v, "firewall %u: unknown direction %u", i, f->direction);
    if (f->default_verdict > PBC_V_REJECT)
        return fault(v, "firewall %u: default %u isn't a verdict", i, f->default_verdict);
    if (f->other > PBC_OTHER_DROP) return fault(v, "firewall %u: unknown `other frames` %u", i, f->other);
    if (f->audit > (v->p->root ? PBC_AUDIT_ALL : PBC_AUDIT_NOT))
        return fault(v, "firewall %u: unknown audit %u", i, f->audit);
    return verify_list(v, "firewall", i, i, f->rules, f->rule_count);
}

static bool verify_chain(const struct verifier *v, uint32_t i)
{
    const struct pbc_chain *c = &v->p->chains[i];
    return verify_string(v, c->name, "chain", i) &&
           verify_list(v, "chain", i, i | PBC_LIST_CHAIN, c->rules, c->rule_count);
}

/* True if the rule's list exists and holds the rule. */
static bool in_its_list(const struct program *p, uint32_t rule)
{
    uint32_t list = p->rules[rule].list, i = list & ~PBC_LIST_CHAIN, first, count;
    if (list & PBC_LIST_CHAIN) {
        if (i >= p->chains_count) return false;
        first = p->chains[i].rules, count = p->chains[i].rule_count;
    } else {
        if (i >= p->firewalls_count) return false;
        first = p->firewalls[i].rules, count = p->firewalls[i].rule_count;
    }
    return rule >= first && rule - first < count;
}

/* True if a rule's mirror belongs to it, or, among rules as they would decide, to its twin. An audited rule has
 * none. */
static bool has_its_mirror(const struct program *p, uint32_t i)
{
    const struct pbc_rule *r = &p->rules[i];
    const uint32_t rule = p->root ? p->would_twins[i] : i;
    if (r->verdict != PBC_V_MIRROR || rule == PBC_NONE) return !r->mirror;
    return r->mirror < p->mirrors_count && p->mirrors[r->mirror].rule == rule;
}

/* The same for a rule's addition. */
static bool has_its_add(const struct program *p, uint32_t i)
{
    const struct pbc_rule *r = &p->rules[i];
    const uint32_t rule = p->root ? p->would_twins[i] : i;
    if (r->verdict != PBC_V_ADD || rule == PBC_NONE) return !r->add;
    return r->add && r->add <= p->adds_count && p->adds[r->add - 1].rule == rule;
}

static bool verify_rule(const struct verifier *v, uint32_t i)
{
    const struct program *p = v->p;
    const struct pbc_rule *r = &p->rules[i];
    if (!verify_string(v, r->name, "rule", i) || !verify_string(v, r->place.file, "rule", i) ||
        !verify_text(v, r->comment, "rule", i) || !verify_text(v, r->log_prefix, "rule", i))
        return false;
    if (!in_its_list(p, i)) return fault(v, "rule %u: its list doesn't exist, or doesn't hold the rule", i);
    if (!inside(r->conds, r->cond_count, p->conds_count))
        return fault(v, "rule %u: its conditions go past the end of `conds`", i);
    if (r->verdict >= PBC_V_COUNTED) return fault(v, "rule %u: unknown verdict %u", i, r->verdict);
    if (r->answer > PBC_ANSWER_PROHIBITED) return fault(v, "rule %u: unknown reply %u", i, r->answer);
    if (r->flags & ~(PBC_RULE_LOG | PBC_RULE_ARP | PBC_RULE_NOT_FRAMES | (v->p->root ? PBC_RULE_AUDIT : 0)))
        return fault(v, "rule %u: unknown flags 0x%x", i, r->flags);
    if (!has_its_add(p, i)) return fault(v, "rule %u: number %u of an `add` doesn't fit the rule", i, r->add);
    if ((r->port != 0) != verdict_is(r->verdict, VERDICT_TAKES_PORT))
        return fault(v, "rule %u: port %u doesn't fit its verdict", i, r->port);
    if (!has_its_mirror(p, i)) return fault(v, "rule %u: mirror %u doesn't fit the rule", i, r->mirror);
    if (r->verdict == PBC_V_DO ? r->chain >= p->chains_count : r->chain != PBC_NONE)
        return fault(
            v, r->verdict == PBC_V_DO ? "rule %u: chain %u doesn't exist" : "rule %u has chain %u, but isn't a `do`", i,
            r->chain);
    return r->verdict != PBC_V_RETURN || r->list & PBC_LIST_CHAIN ||
           fault(v, "rule %u is a `return`, but isn't in a chain", i);
}

static uint32_t operand_total(const struct program *p, uint8_t operands)
{
    switch (operands) {
    case OPERANDS_RANGES: return p->ranges_count;
    case OPERANDS_SETS: return p->sets_count;
    case OPERANDS_MACSETS: return p->macsets_count;
    case OPERANDS_PATTERN: return p->patterns_count;
    case OPERANDS_METER: return p->meters_count;
    case OPERANDS_GRAIN: return p->grains_count;
    case OPERANDS_NAMES: return p->names_count;
    default: return 0;
    }
}

/* Verify that the argument shows correctly if the meter needs IP. */
static bool verify_meter_cond(const struct verifier *v, uint32_t i)
{
    const struct pbc_cond *c = &v->p->conds[i];
    const char *name = cond_info[c->kind].name;
    if (c->count != 1) return fault(v, "condition %u (%s): the number of meters isn't 1", i, name);
    const struct pbc_meter *m = &v->p->meters[c->first];
    return c->arg == (m->per || m->unit == PBC_METER_BYTES ? KIND_IP : 0u) ||
           fault(v, "condition %u (%s): unknown argument 0x%x", i, name, c->arg);
}

/* Check a condition's list, the name of its header field, or the pattern that acknowledges an instruction. */
static bool verify_stream_cond(const struct verifier *v, uint32_t i)
{
    const struct program *p = v->p;
    const struct pbc_cond *c = &p->conds[i];
    const char *name = cond_info[c->kind].name;
    if (c->flags & PBC_COND_ANY) return fault(v, "condition %u (%s): `any` isn't possible", i, name);
    if (c->kind == COND_INSTRUCTION)
        return c->arg <= p->patterns_count || fault(v, "condition %u (%s): pattern doesn't exist", i, name);
    if (c->count != 1) return fault(v, "condition %u (%s): the number of lists isn't 1", i, name);
    const bool hosts = c->kind == COND_SNI || c->kind == COND_HOST;
    if (hosts != (p->names[c->first].kind == PBC_NAMES_HOSTS))
        return fault(v, "condition %u (%s): the list is of another kind", i, name);
    return c->kind != COND_HEADER || (c->arg && verify_string(v, c->arg, "condition", i)) ||
           fault(v, "condition %u (%s): the field's name is missing", i, name);
}

/* True if one of the condition's sets depends on live sets. */
static bool asks_live(const struct verifier *v, const struct pbc_cond *c)
{
    return cond_info[c->kind].operands == OPERANDS_SETS && v->live_before &&
           v->live_before[c->first] != v->live_before[c->first + c->count];
}

static bool verify_cond(const struct verifier *v, uint32_t i)
{
    const struct program *p = v->p;
    const struct pbc_cond *c = &p->conds[i];
    if (c->kind >= COND_COUNT) return fault(v, "condition %u: unknown kind %u", i, c->kind);
    const struct cond_info *k = &cond_info[c->kind];
    if (c->flags > (PBC_COND_NOT | PBC_COND_ANY | PBC_COND_REPLY | PBC_COND_LIVE))
        return fault(v, "condition %u: unknown flags 0x%x", i, c->flags);
    if (c->reserved) return fault(v, "condition %u: reserved bytes aren't zero", i);
    if (!verify_string(v, c->name, "condition", i) || !verify_string(v, c->place.file, "condition", i)) return false;
    const uint32_t args = c->kind == COND_DURING ? (1u << p->schedules_count) - 1 : k->args;
    if (c->arg & ~args) return fault(v, "condition %u (%s): unknown argument 0x%x", i, k->name, c->arg);
    if (c->flags & ~(PBC_COND_REPLY | PBC_COND_LIVE) && k->traits & COND_PLAIN)
        return fault(v, "condition %u (%s) has a flag for `not` or `any`, which this kind can't have", i, k->name);
    if (!inside(c->first, c->count, operand_total(p, k->operands)))
        return fault(v, "condition %u (%s): the operands go past the end of their section", i, k->name);
    if (!asks_live(v, c) != !(c->flags & PBC_COND_LIVE))
        return fault(v, "condition %u (%s): its flag for live sets doesn't fit its sets", i, k->name);
    if (c->flags & PBC_COND_LIVE && c->kind != COND_FROM && c->kind != COND_TO)
        return fault(v, "condition %u (%s): a live set isn't possible", i, k->name);
    if (k->operands == OPERANDS_METER) return verify_meter_cond(v, i);
    if (k->traits & COND_STREAM) return verify_stream_cond(v, i);
    if (k->operands == OPERANDS_GRAIN)
        return c->count == 1 || fault(v, "condition %u (%s): the number of grains isn't 1", i, k->name);
    return k->operands != OPERANDS_PATTERN || c->count == 1 ||
           fault(v, "condition %u (%s): the number of patterns isn't 1", i, k->name);
}

/* Set before[i] to the number of the first i ranges that end past `limit`. Conditions may share operands, so each
 * range is checked once. */
static void count_past(const struct program *p, uint64_t limit, uint32_t *before)
{
    before[0] = 0;
    for (uint32_t i = 0; i < p->ranges_count; i++) before[i + 1] = before[i] + (p->ranges[i].hi >= limit);
}

/* Verify that each `on` and `out on` names interfaces that exist. */
static bool verify_on(const struct verifier *v, uint32_t *before)
{
    const struct program *p = v->p;
    count_past(p, p->ifaces_count, before);
    for (uint32_t i = 0; i < p->conds_count; i++) {
        const struct pbc_cond *c = &p->conds[i];
        if (cond_info[c->kind].traits & COND_IFACES && before[c->first + c->count] != before[c->first])
            return fault(v, "condition %u (%s): interface doesn't exist", i, cond_info[c->kind].name);
    }
    return true;
}

/* Verify that 16-bit fields are compared with 16-bit numbers. */
static bool verify_halves(const struct verifier *v, uint32_t *before)
{
    const struct program *p = v->p;
    count_past(p, UINT16_MAX + 1, before);
    for (uint32_t i = 0; i < p->conds_count; i++) {
        const struct pbc_cond *c = &p->conds[i];
        uint32_t at = c->first;
        if (cond_info[c->kind].operands != OPERANDS_RANGES || cond_info[c->kind].most > UINT16_MAX ||
            before[at + c->count] == before[at])
            continue;
        while (before[at + 1] == before[at]) at++;
        return fault(v, "range %u ends past 65535, but a condition compares 16-bit numbers with it", at);
    }
    return true;
}

static bool verify_numbers(const struct verifier *v)
{
    uint32_t *before __attribute__((cleanup(free_held))) = malloc(((size_t)v->p->ranges_count + 1) * sizeof *before);
    if (!before) return fault_memory(v);
    return verify_on(v, before) && verify_halves(v, before);
}

/* A depth-first walk over chains. work: steps of the naive executor in a list, saturating at PBC_WALK_MAX + 1. */
struct walk {
    const struct verifier *v;
    const uint64_t *conds_before; /* [i]: work of the conditions before i */
    uint32_t *state;              /* [chain]: WALK_NEW, WALK_OPEN, or 2 + its height */
    uint64_t *work;               /* [chain]: work of the chain */
};
enum { WALK_NEW, WALK_OPEN, WALK_DONE };

static bool sum_chain(struct walk *w, uint32_t chain, unsigned depth);

/* Add up the work of a list at `depth` nested `do`s; *height becomes the deepest nesting below it. */
static bool sum_list(struct walk *w, uint32_t first, uint32_t count, unsigned depth, uint64_t *work, unsigned *height)
{
    const struct program *p = w->v->p;
    for (uint32_t i = first; i < first + count; i++) {
        const struct pbc_rule *r = &p->rules[i];
        *work += 1 + w->conds_before[r->conds + r->cond_count] - w->conds_before[r->conds];
        if (r->verdict == PBC_V_DO) {
            if (!sum_chain(w, r->chain, depth + 1)) return false;
            unsigned below = 1 + w->state[r->chain] - WALK_DONE;
            if (below > *height) *height = below;
            *work += w->work[r->chain];
        }
        if (*work > PBC_WALK_MAX) *work = PBC_WALK_MAX + 1;
    }
    return true;
}

static bool sum_chain(struct walk *w, uint32_t chain, unsigned depth)
{
    const struct pbc_chain *c = &w->v->p->chains[chain];
    if (w->state[chain] == WALK_OPEN) return fault(w->v, "chain %u calls itself", chain);
    unsigned known = w->state[chain] == WALK_NEW ? 0 : w->state[chain] - WALK_DONE;
    if (depth + known > PBC_CHAIN_DEPTH)
        return fault(w->v, "chain %u is nested deeper than %u", chain, PBC_CHAIN_DEPTH);
    if (w->state[chain] != WALK_NEW) return true;
    unsigned height = 0;
    w->state[chain] = WALK_OPEN;
    if (!sum_list(w, c->rules, c->rule_count, depth, &w->work[chain], &height)) return false;
    w->state[chain] = WALK_DONE + height;
    return true;
}

static bool walk_all(struct walk *w)
{
    const struct program *p = w->v->p;
    for (uint32_t i = 0; i < p->chains_count; i++)
        if (!sum_chain(w, i, 1)) return false;
    for (uint32_t i = 0; i < p->firewalls_count; i++) {
        uint64_t work = 0;
        unsigned height = 0;
        if (!sum_list(w, p->firewalls[i].rules, p->firewalls[i].rule_count, 0, &work, &height)) return false;
        if (work > PBC_WALK_MAX)
            return fault(w->v, "firewall %u has more than %u rules, conditions and operands to try", i, PBC_WALK_MAX);
    }
    return true;
}

static bool verify_walk(const struct verifier *v)
{
    const struct program *p = v->p;
    uint64_t *before __attribute__((cleanup(free_held))) = malloc(((size_t)p->conds_count + 1) * sizeof *before);
    uint32_t *state __attribute__((cleanup(free_held))) = calloc((size_t)p->chains_count + 1, sizeof *state);
    uint64_t *work __attribute__((cleanup(free_held))) = calloc((size_t)p->chains_count + 1, sizeof *work);
    if (!before || !state || !work) return fault_memory(v);
    before[0] = 0;
    for (uint32_t i = 0; i < p->conds_count; i++) before[i + 1] = before[i] + 1 + p->conds[i].count;
    return walk_all(&(struct walk){.v = v, .conds_before = before, .state = state, .work = work});
}

bool verify_rules(const struct verifier *v)
{
    const struct program *p = v->p;
    if (!p->root && !verify_interfaces(v)) return false;
    for (uint32_t i = 0; i < p->firewalls_count; i++)
        if (!verify_firewall(v, i)) return false;
    for (uint32_t i = 0; i < p->chains_count; i++)
        if (!verify_chain(v, i)) return false;
    for (uint32_t i = 0; i < p->rules_count; i++)
        if (!verify_rule(v, i)) return false;
    for (uint32_t i = 0; i < p->conds_count && !p->root; i++)
        if (!verify_cond(v, i)) return false;
    return (p->root || verify_numbers(v)) && verify_walk(v);
}
