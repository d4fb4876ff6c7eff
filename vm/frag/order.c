/* The order of rules that name `fragment`, see order.h. The walk is the rule list's (naive.c), made short: a list's
 * rules that count are found once, and a chain without any is never entered. */
#include "vm/frag/order.h"

#include <stdlib.h>

enum { SOME, WHOLE, FLAVOURS }; /* of a list: the rules that count in it, or all, since the `do` names `fragment` */

struct frag_order {
    const struct program *p;
    uint32_t *tried;           /* the rules that count in a list walked as SOME, list by list */
    uint32_t *first;           /* [chains + firewalls + 1]: of `tried`, where each list's begin */
    uint32_t *steps[FLAVOURS]; /* [chains]: of a chain, those below it with it */
    uint32_t *caller;          /* [chains]: the `do` that calls it; PBC_NONE: none or several */
    bool *settled;             /* [chains], while `steps` is being found */
};

static void free_order(struct frag_order **o) { frag_order_free(*o); }

static bool names_fragment(const struct program *p, const struct pbc_rule *r)
{
    for (uint32_t i = r->conds; i < r->conds + r->cond_count; i++)
        if (p->conds[i].kind == COND_FRAGMENT) return true;
    return false;
}

/* Chains come first in the numbers of lists, then firewalls. */
static void list_at(const struct program *p, uint32_t list, uint32_t *first, uint32_t *count)
{
    const bool chain = list < p->chains_count;
    *first = chain ? p->chains[list].rules : p->firewalls[list - p->chains_count].rules;
    *count = chain ? p->chains[list].rule_count : p->firewalls[list - p->chains_count].rule_count;
}

/* ---- how many steps ---- */

static void count_chain(struct frag_order *o, uint32_t chain);

/* Steps that the rule is worth in a list of that flavour; 0: it is not tried. */
static uint32_t steps_of(const struct frag_order *o, uint32_t rule, unsigned flavour)
{
    const struct pbc_rule *r = &o->p->rules[rule];
    const bool named = flavour == WHOLE || names_fragment(o->p, r);
    const uint32_t below = r->verdict == PBC_V_DO ? o->steps[named ? WHOLE : SOME][r->chain] : 0;
    return named || below ? 1 + below : 0;
}

static uint32_t count_list(struct frag_order *o, uint32_t list, unsigned flavour)
{
    uint32_t first, count, steps = 0;
    list_at(o->p, list, &first, &count);
    for (uint32_t i = first; i < first + count; i++) {
        if (o->p->rules[i].verdict == PBC_V_DO) count_chain(o, o->p->rules[i].chain);
        steps += steps_of(o, i, flavour);
    }
    return steps;
}

/* The verifier bounded nesting, and what a walk may take, to far less than 32 bits. */
static void count_chain(struct frag_order *o, uint32_t chain)
{
    if (o->settled[chain]) return;
    o->settled[chain] = true;
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) o->steps[flavour][chain] = count_list(o, chain, flavour);
}

static void find_callers(struct frag_order *o)
{
    const struct program *p = o->p;
    for (uint32_t i = 0; i < p->chains_count; i++) o->caller[i] = PBC_NONE;
    bool *several = o->settled; /* not needed yet */
    for (uint32_t i = 0; i < p->rules_count; i++) {
        if (p->rules[i].verdict != PBC_V_DO) continue;
        uint32_t *caller = &o->caller[p->rules[i].chain];
        several[p->rules[i].chain] |= *caller != PBC_NONE;
        *caller = i;
    }
    for (uint32_t i = 0; i < p->chains_count; i++) {
        if (several[i]) o->caller[i] = PBC_NONE;
        several[i] = false;
    }
}

static void find_tried(struct frag_order *o)
{
    const struct program *p = o->p;
    uint32_t used = 0;
    for (uint32_t list = 0; list < p->chains_count + p->firewalls_count; list++) {
        uint32_t first, count;
        list_at(p, list, &first, &count);
        o->first[list] = used;
        for (uint32_t i = first; i < first + count; i++)
            if (steps_of(o, i, SOME)) o->tried[used++] = i;
    }
    o->first[p->chains_count + p->firewalls_count] = used;
}

struct frag_order *frag_order_new(const struct program *p)
{
    struct frag_order *o __attribute__((cleanup(free_order))) = calloc(1, sizeof *o);
    if (!o) return NULL;
    const size_t chains = (size_t)p->chains_count + 1;
    o->p = p;
    o->tried = calloc((size_t)p->rules_count + 1, sizeof *o->tried);
    o->first = calloc(chains + p->firewalls_count, sizeof *o->first);
    o->caller = calloc(chains, sizeof *o->caller);
    o->settled = calloc(chains, sizeof *o->settled);
    for (unsigned i = 0; i < FLAVOURS; i++) o->steps[i] = calloc(chains, sizeof *o->steps[i]);
    if (!o->tried || !o->first || !o->caller || !o->settled || !o->steps[SOME] || !o->steps[WHOLE]) return NULL;
    find_callers(o);
    for (uint32_t i = 0; i < p->chains_count; i++) count_chain(o, i);
    find_tried(o);
    struct frag_order *made = o;
    o = NULL;
    return made;
}

void frag_order_free(struct frag_order *o)
{
    if (!o) return;
    free(o->tried);
    free(o->first);
    for (unsigned i = 0; i < FLAVOURS; i++) free(o->steps[i]);
    free(o->caller);
    free(o->settled);
    free(o);
}

/* ---- places ---- */

/* From the firewall's rule down to the one that decided. */
struct path {
    uint32_t rule[PBC_CHAIN_DEPTH + 1];
    unsigned len;
};

/* Where a chain may be called from several places: the first `do` that calls it. */
static uint32_t first_caller(const struct program *p, uint32_t chain)
{
    for (uint32_t i = 0; i < p->rules_count; i++)
        if (p->rules[i].verdict == PBC_V_DO && p->rules[i].chain == chain) return i;
    return PBC_NONE;
}

/* By the calls alone. False where some chain on the way has several. */
static bool path_up(const struct frag_order *o, uint32_t rule, bool guess, struct path *path)
{
    const struct program *p = o->p;
    struct path up = {.len = 0};
    up.rule[up.len++] = rule;
    while (p->rules[rule].list & PBC_LIST_CHAIN && up.len <= PBC_CHAIN_DEPTH) {
        const uint32_t chain = p->rules[rule].list & ~PBC_LIST_CHAIN;
        rule = o->caller[chain] == PBC_NONE && guess ? first_caller(p, chain) : o->caller[chain];
        if (rule == PBC_NONE) return false;
        up.rule[up.len++] = rule;
    }
    path->len = up.len;
    for (unsigned i = 0; i < up.len; i++) path->rule[i] = up.rule[up.len - 1 - i];
    return true;
}

static void note_step(void *arg, const struct trace_step *step)
{
    struct path *path = arg;
    if (!step->matched || step->depth > PBC_CHAIN_DEPTH) return;
    path->rule[step->depth] = step->rule;
    path->len = step->depth + 1;
}

static void find_path(const struct frag_order *o, uint32_t rule, const struct key *key, const struct pkt *pkt,
                      const struct peek *peek, struct path *path)
{
    if (path_up(o, rule, false, path)) return;
    path->len = 0;
    if (decided_rule(run_list(o->p, key, pkt, 0, NULL, peek, note_step, path)) == rule && path->len) return;
    path->len = 0;
    path_up(o, rule, true, path);
}

/* Steps of the list before that rule of it. */
static uint32_t steps_before(const struct frag_order *o, uint32_t list, unsigned flavour, uint32_t rule)
{
    uint32_t first, count, steps = 0;
    list_at(o->p, list, &first, &count);
    if (flavour == WHOLE) {
        for (uint32_t i = first; i < rule; i++) steps += steps_of(o, i, WHOLE);
    } else {
        for (uint32_t i = o->first[list]; i < o->first[list + 1] && o->tried[i] < rule; i++)
            steps += steps_of(o, o->tried[i], SOME);
    }
    return steps;
}

uint32_t frag_order_place(const struct frag_order *o, const struct verdict *v, const struct key *key,
                          const struct pkt *pkt, const struct peek *peek)
{
    const struct program *p = o->p;
    if (v->rule == RULE_DEFAULT) return UINT32_MAX;
    if (v->rule == RULE_NONE || v->firewall == PBC_NONE) return 0;
    struct path path;
    find_path(o, v->rule, key, pkt, peek, &path);
    uint32_t place = 0, list = p->chains_count + v->firewall;
    unsigned flavour = SOME;
    for (unsigned i = 0; i < path.len; i++) {
        const struct pbc_rule *r = &p->rules[path.rule[i]];
        place += steps_before(o, list, flavour, path.rule[i]);
        if (i + 1 == path.len || !steps_of(o, path.rule[i], flavour)) break;
        place++;
        if (names_fragment(p, r)) flavour = WHOLE;
        list = r->chain;
    }
    return place;
}

/* ---- trying them ---- */

struct walk {
    const struct frag_order *o;
    uint32_t limit;
    const struct key *key;
    const struct pkt *pkt;
    const struct effects *effects;
    const struct tracer *tracer;
    unsigned depth;
    uint32_t decided_by;
};

static bool walk_list(struct walk *w, uint32_t list, unsigned flavour, uint32_t place);

/* A rule that matched: its effects, and what lies below it. True: decided. *on: the list goes on. */
static bool follow_rule(struct walk *w, uint32_t rule, unsigned flavour, uint32_t place, bool *on)
{
    const struct program *p = w->o->p;
    const struct pbc_rule *r = &p->rules[rule];
    if (r->verdict == PBC_V_LOG || r->flags & PBC_RULE_LOG) effect_log(w->effects, p, rule, 0);
    if (r->verdict <= PBC_V_REJECT) {
        w->decided_by = rule;
        return true;
    }
    effect_count(w->effects, rule, w->pkt->wire_len);
    *on = r->verdict != PBC_V_RETURN;
    if (r->verdict != PBC_V_DO) return false;
    w->depth++;
    const bool ended = walk_list(w, r->chain, flavour == WHOLE || names_fragment(p, r) ? WHOLE : SOME, place + 1);
    w->depth--;
    return ended;
}

/* `place` is that of the list's first rule. */
static bool walk_list(struct walk *w, uint32_t list, unsigned flavour, uint32_t place)
{
    const struct frag_order *o = w->o;
    uint32_t first, count;
    list_at(o->p, list, &first, &count);
    const uint32_t from = flavour == WHOLE ? first : o->first[list];
    const uint32_t end = flavour == WHOLE ? first + count : o->first[list + 1];
    bool on = true;
    for (uint32_t i = from; i < end && on && place < w->limit; i++) {
        const uint32_t rule = flavour == WHOLE ? i : o->tried[i];
        if (list_rule_matches(o->p, rule, w->key, w->pkt, w->effects, w->tracer, w->depth) &&
            follow_rule(w, rule, flavour, place, &on))
            return true;
        place += steps_of(o, rule, flavour);
    }
    return false;
}

bool frag_order_try(const struct frag_order *o, uint32_t firewall, uint32_t place, const struct key *key,
                    const struct pkt *pkt, const struct effects *e, const struct tracer *tracer, decided *out)
{
    struct walk w = {.o = o, .limit = place, .key = key, .pkt = pkt, .effects = e, .tracer = tracer};
    if (place == 0 || firewall == PBC_NONE) return false;
    if (!walk_list(&w, o->p->chains_count + firewall, SOME, 0)) return false;
    *out = decided_by_rule(o->p, w.decided_by, firewall);
    return true;
}
