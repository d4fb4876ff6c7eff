/* The rule list, walked as it was written: the oracle for the code, and the source of explain.
 *
 * One firewall judges a frame: the first of its direction `on` its interface, otherwise the first without `on`. Its
 * rules are tried in order, and a `do` tries those of its chain. The first rule that decides ends the walk; if none
 * does, the default decides. ARP is judged only by rules marked for it, and passes if none decides. The verifier
 * bounded nesting and length. */
#include "vm/judge/effects.h"

struct walk {
    const struct program *p;
    const struct key *key;
    const struct pkt *pkt;
    const struct effects *effects;
    const struct peek *peek; /* meters and flows, used without effects */
    uint32_t at;             /* the packet's place in its batch */
    trace_fn *trace;
    void *arg;
    uint32_t decided_by;
};

static uint32_t find_firewall(const struct program *p, const struct key *key)
{
    const enum pbc_direction d = key->kind & KIND_OUT  ? PBC_DIR_OUT
                                 : key->kind & KIND_IN ? PBC_DIR_IN
                                                       : PBC_DIR_FORWARD;
    const struct iface_table ifaces = program_ifaces(p);
    return firewall_find(&ifaces, p->firewalls, p->firewalls_count, d, key->iface);
}

static bool asks_meter(const struct pbc_cond *c) { return c->kind == COND_OVER || c->kind == COND_WITHIN; }

/* True if the meter's condition holds. *tokens: tokens left for the packet. */
static bool meter_match(const struct walk *w, const struct pbc_cond *c, uint64_t *tokens)
{
    if (w->effects && w->trace) meter_peek(w->effects->meters, w->p, c->first, w->key, tokens);
    enum meter_says says = w->effects ? effect_meter(w->effects, w->p, c->first, w->key, w->at)
                                      : meter_peek(w->peek ? w->peek->meters : NULL, w->p, c->first, w->key, tokens);
    return says == (c->kind == COND_OVER ? METER_OVER : METER_WITHIN);
}

/* True if the source holds more flows than the condition's number. *held: their number. */
static bool flows_match(const struct walk *w, const struct pbc_cond *c, uint64_t *held)
{
    if (!cond_has(c, w->key, w->pkt)) return false;
    const struct pbc_grain *grain = &w->p->grains[c->first];
    *held = w->effects ? effect_flows(w->effects, grain, w->key, w->at) : peek_flows(w->peek, grain, w->key);
    return *held > c->arg;
}

/* Return the first condition that fails, or PBC_NONE. Meters are asked only if everything else holds, and the packet
 * has the fields that they count by. *left: tokens left in the meter that failed, or flows that the source holds. */
static uint32_t failed_cond(const struct walk *w, const struct pbc_rule *r, uint64_t *left)
{
    const struct pbc_cond *conds = w->p->conds;
    bool metered = false;
    for (uint32_t i = r->conds; i < r->conds + r->cond_count; i++) {
        const bool asks = asks_meter(&conds[i]);
        metered |= asks;
        if (conds[i].kind == COND_FLOWS_OVER ? !flows_match(w, &conds[i], left)
            : asks                           ? !cond_has(&conds[i], w->key, w->pkt)
                                             : !cond_match(w->p, &conds[i], w->key, w->pkt))
            return i;
    }
    for (uint32_t i = r->conds; metered && i < r->conds + r->cond_count; i++)
        if (asks_meter(&conds[i]) && !meter_match(w, &conds[i], left)) return i;
    return PBC_NONE;
}

static bool rule_judges(const struct pbc_rule *r, const struct key *key)
{
    return key->kind & KIND_ARP ? r->flags & PBC_RULE_ARP : !(r->flags & PBC_RULE_NOT_FRAMES);
}

/* True if all conditions hold. Without a tracer and counters they may be tested in any order: the last ones, ports and
 * addresses, differ most from rule to rule. */
static bool all_hold(const struct walk *w, const struct pbc_rule *r)
{
    uint32_t i = r->cond_count;
    while (i && cond_match(w->p, &w->p->conds[r->conds + i - 1], w->key, w->pkt)) i--;
    return i == 0;
}

static bool try_rule(struct walk *w, uint32_t rule, unsigned depth)
{
    uint64_t tokens = 0;
    if (!w->trace && !w->effects && !w->peek) return all_hold(w, &w->p->rules[rule]);
    const uint32_t failed = failed_cond(w, &w->p->rules[rule], &tokens);
    const bool matched = failed == PBC_NONE;
    if (w->trace)
        w->trace(w->arg,
                 &(struct trace_step){
                     .rule = rule, .matched = matched, .failed_cond = failed, .depth = depth, .tokens = tokens});
    return matched;
}

/* Try the rules of a list. True: one of them, or of a chain below, decided. */
static bool try_list(struct walk *w, uint32_t first, uint32_t count, unsigned depth)
{
    const struct program *p = w->p;
    for (uint32_t i = first; i < first + count; i++) {
        const struct pbc_rule *r = &p->rules[i];
        if (!rule_judges(r, w->key) || !try_rule(w, i, depth)) continue;
        if (r->verdict == PBC_V_LOG || r->flags & PBC_RULE_LOG) effect_log(w->effects, p, i, w->at);
        if (pbc_decides(r->verdict)) {
            w->decided_by = i;
            return true;
        }
        effect_count(w->effects, i, w->pkt->wire_len);
        if (r->verdict == PBC_V_MIRROR) effect_mirror(w->effects, p, i, w->pkt, w->at);
        if (r->verdict == PBC_V_ADD) effect_add(w->effects, p, i, w->key);
        if (r->verdict == PBC_V_RETURN) return false;
        if (r->verdict != PBC_V_DO) continue;
        const struct pbc_chain *c = &p->chains[r->chain];
        if (try_list(w, c->rules, c->rule_count, depth + 1)) return true;
    }
    return false;
}

decided run_list(const struct program *p, const struct key *key, const struct pkt *pkt, uint32_t at,
                 const struct effects *e, const struct peek *peek, trace_fn *trace, void *arg)
{
    struct walk w = {.p = p, .key = key, .pkt = pkt, .effects = e, .peek = peek, .at = at, .trace = trace, .arg = arg};
    uint32_t firewall = find_firewall(p, key);
    bool arp = key->kind & KIND_ARP;
    if (firewall == PBC_NONE) return decided_by_nobody(arp ? ACTION_PASS : ACTION_ACCEPT);
    const struct pbc_firewall *f = &p->firewalls[firewall];
    if (try_list(&w, f->rules, f->rule_count, 0)) return decided_by_rule(p, w.decided_by, firewall);
    return arp ? decided_by_nobody(ACTION_PASS) : decided_by_default(p, firewall, key);
}

bool list_rule_matches(const struct program *p, uint32_t rule, const struct key *key, const struct pkt *pkt,
                       const struct effects *e, const struct tracer *tracer, unsigned depth)
{
    struct walk w = {.p = p, .key = key, .pkt = pkt, .effects = e, .trace = tracer->fn, .arg = tracer->arg};
    return rule_judges(&p->rules[rule], key) && try_rule(&w, rule, depth);
}

struct decision program_decide_naive(const struct program *p, const struct key *key, const struct pkt *pkt)
{
    return decision_of(run_list(p, key, pkt, 0, NULL, NULL, NULL, NULL));
}
