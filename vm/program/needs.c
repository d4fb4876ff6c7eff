/* A program's needs of a worker as flags: a flow table, counts of flows, fragments that follow their first, routes. The
 * compiler writes the flags into meta, the verifier compares. */
#include "vm/packet/key.h"
#include "vm/pbc.h"
#include "vm/tables.h"

/* True if the condition asks for a field that later fragments lack. They have the protocol, except in odd IPv6
 * chains. */
static bool asks_beyond(const struct pbc_lists *l, const struct pbc_cond *c)
{
    switch ((enum cond_operands)cond_info[c->kind].operands) {
    case OPERANDS_PATTERN: return l->patterns[c->first].layer >= PBC_L4;
    case OPERANDS_METER: return l->meters[c->first].per == PBC_PER_FLOW;
    default: return cond_info[c->kind].traits & COND_BEYOND;
    }
}

static uint32_t cond_needs(const struct pbc_lists *l, const struct pbc_cond *c)
{
    uint32_t flags = asks_beyond(l, c) ? PBC_FOLLOWS_FRAGMENTS : 0;
    if (c->kind == COND_STATE) flags |= PBC_KEEPS_FLOWS;
    if (c->kind == COND_FLOWS_OVER) flags |= PBC_KEEPS_FLOWS | PBC_COUNTS_FLOWS;
    if (c->kind == COND_OUT_ON) flags |= PBC_ASKS_WAY;
    if (c->kind == COND_URPF) flags |= PBC_ASKS_SOURCE;
    return flags;
}

/* True if the statement asks for the interface by which packets leave; a `forward` asks for the one they come in by. */
static bool nat_asks_way(const struct pbc_lists *l, const struct pbc_nat *n)
{
    bool asks = n->iface != PBC_NONE;
    for (uint32_t i = n->conds; i < n->conds + n->cond_count; i++) asks |= l->conds[i].kind == COND_OUT_ON;
    return n->kind != PBC_NAT_FORWARD && asks;
}

/* True for a condition on AH: over IPv6, packets of one flow may differ in it. */
static bool asks_ah(const struct pbc_cond *c) { return c->kind == COND_PROTO && c->arg & KIND_AH; }

bool pbc_asks_flow(const struct pbc_cond *c)
{
    return cond_info[c->kind].traits & COND_OF_FLOW && !asks_ah(c) && !(c->flags & PBC_COND_LIVE);
}
bool pbc_asks_stream(const struct pbc_cond *c) { return cond_info[c->kind].traits & COND_OF_STREAM && !asks_ah(c); }

/* True if a rule's condition, not only a `when`, names `fragment`. Each condition is checked once, because rules may
 * share conditions. */
static bool rules_name_fragment(const struct pbc_lists *l, uint32_t *before)
{
    before[0] = 0;
    for (uint32_t i = 0; i < l->conds_count; i++) before[i + 1] = before[i] + (l->conds[i].kind == COND_FRAGMENT);
    for (uint32_t i = 0; i < l->rules_count; i++)
        if (before[l->rules[i].conds + l->rules[i].cond_count] != before[l->rules[i].conds]) return true;
    for (uint32_t i = 0; i < l->would_count; i++)
        if (before[l->would[i].conds + l->would[i].cond_count] != before[l->would[i].conds]) return true;
    return false;
}

/* Unknown verdicts and conditions need nothing here: the verifier refuses them. */
uint32_t pbc_needs(const struct pbc_lists *l, uint32_t *scratch)
{
    uint32_t flags = l->services_count || l->nats_count ? PBC_FOLLOWS_FRAGMENTS | PBC_KEEPS_FLOWS : 0;
    for (uint32_t i = 0; i < l->rules_count; i++)
        if (l->rules[i].verdict < PBC_V_COUNTED && verdict_is(l->rules[i].verdict, VERDICT_OPENS)) flags |= PBC_OPENS;
    for (uint32_t i = 0; i < l->ifaces_count; i++)
        if (l->ifaces[i].mss) flags |= PBC_CLAMPS | PBC_ASKS_WAY;
    for (uint32_t i = 0; i < l->conds_count; i++)
        if (l->conds[i].kind < COND_COUNT) flags |= cond_needs(l, &l->conds[i]);
    for (uint32_t i = 0; i < l->nats_count; i++)
        if (nat_asks_way(l, &l->nats[i])) flags |= PBC_NATS_BY_WAY;
    return flags | (rules_name_fragment(l, scratch) ? PBC_NAMES_FRAGMENT : 0u);
}
