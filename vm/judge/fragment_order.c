/* The order of rules that name `fragment` (fragment_order.h). The walk is that of the rule list (naive.c),
 * shortened: the rules that count in a list are found once, and a chain without such rules is never entered. */
#include "vm/judge/fragment_order.h"

#include <stdlib.h>

/* Rules tried in a list. SOME: those that count; WHOLE: all, because its `do` names `fragment` */
enum { SOME, WHOLE, FLAVOURS };

struct frag_order {
    const struct program *p;
    uint32_t *tried;            /* rules that count in a list walked as SOME, list by list */
    uint32_t *first;            /* [chains + firewalls + 1]: index in `tried` of each list's first */
    uint32_t *steps[FLAVOURS];  /* [chains]: steps of a chain, with those below it */
    uint32_t *before[FLAVOURS]; /* [rules]: steps in its list before the rule */
    uint32_t *callers;          /* the `do` rules, by the chain that each calls */
    uint32_t *first_caller;     /* [chains + 1]: index in `callers` of each chain's first */
    bool *settled;              /* [chains]: used while `steps` is computed */
};

static bool names_fragment(const struct program *p, const struct pbc_rule *r)
{
    for (uint32_t i = r->conds; i < r->conds + r->cond_count; i++)
        if (p->conds[i].kind == COND_FRAGMENT) return true;
    return false;
}

/* Find the rules of a list. Lists are numbered chains first, then firewalls. */
static void list_at(const struct program *p, uint32_t list, uint32_t *first, uint32_t *count)
{
    const bool chain = list < p->chains_count;
    *first = chain ? p->chains[list].rules : p->firewalls[list - p->chains_count].rules;
    *count = chain ? p->chains[list].rule_count : p->firewalls[list - p->chains_count].rule_count;
}

static void count_chain(struct frag_order *o, uint32_t chain);

/* Return the steps that the rule takes in a list of that flavour; 0: it is not tried. */
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

/* Count a chain's steps. The verifier has limited nesting and the length of a walk to far less than 32 bits. */
static void count_chain(struct frag_order *o, uint32_t chain)
{
    if (o->settled[chain]) return;
    o->settled[chain] = true;
    for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) o->steps[flavour][chain] = count_list(o, chain, flavour);
}

static void find_callers(struct frag_order *o)
{
    const struct program *p = o->p;
    uint32_t *first = o->first_caller, used = 0;
    for (uint32_t i = 0; i < p->rules_count; i++)
        if (p->rules[i].verdict == PBC_V_DO) first[p->rules[i].chain]++;
    for (uint32_t i = 0; i <= p->chains_count; i++) {
        used += first[i];
        first[i] = used; /* end of each chain's callers; storing a caller moves it to the caller's place */
    }
    for (uint32_t i = p->rules_count; i-- > 0;)
        if (p->rules[i].verdict == PBC_V_DO) o->callers[--first[p->rules[i].chain]] = i;
}

static void find_tried(struct frag_order *o)
{
    const struct program *p = o->p;
    uint32_t used = 0;
    for (uint32_t list = 0; list < p->chains_count + p->firewalls_count; list++) {
        uint32_t first, count, steps[FLAVOURS] = {0};
        list_at(p, list, &first, &count);
        o->first[list] = used;
        for (uint32_t i = first; i < first + count; i++) {
            if (steps_of(o, i, SOME)) o->tried[used++] = i;
            for (unsigned flavour = 0; flavour < FLAVOURS; flavour++) {
                o->before[flavour][i] = steps[flavour];
                steps[flavour] += steps_of(o, i, flavour);
            }
        }
    }
    o->first[p->chains_count + p->firewalls_count] = used;
}

static bool alloc_order(struct frag_order *o)
{
    const size_t chains = (size_t)o->p->chains_count + 1, rules = (size_t)o->p->rules_count + 1;
    bool all = (o->tried = calloc(rules, sizeof *o->tried)) && (o->callers = calloc(rules, sizeof *o->callers)) &&
               (o->first = calloc(chains + o->p->firewalls_count, sizeof *o->first)) &&
               (o->first_caller = calloc(chains, sizeof *o->first_caller)) &&
               (o->settled = calloc(chains, sizeof *o->settled));
    for (unsigned i = 0; i < FLAVOURS; i++)
        all = all && (o->steps[i] = calloc(chains, sizeof *o->steps[i])) &&
              (o->before[i] = calloc(rules, sizeof *o->before[i]));
    return all;
}

struct frag_order *frag_order_new(const struct program *p)
{
    struct frag_order *o = calloc(1, sizeof *o);
    if (!o) return NULL;
    o->p = p;
    if (!alloc_order(o)) {
        frag_order_free(o);
        return NULL;
    }
    find_callers(o);
    for (uint32_t i = 0; i < p->chains_count; i++) count_chain(o, i);
    find_tried(o);
    return o;
}

void frag_order_free(struct frag_order *o)
{
    if (!o) return;
    for (unsigned i = 0; i < FLAVOURS; i++) {
        free(o->steps[i]);
        free(o->before[i]);
    }
    free(o->tried);
    free(o->first);
    free(o->callers);
    free(o->first_caller);
    free(o->settled);
    free(o);
}

/* Rules from the firewall's down to the one that decided. */
struct path {
    uint32_t rule[PBC_CHAIN_DEPTH + 1];
    unsigned len;
};

static uint32_t path_place(const struct frag_order *o, const struct path *path)
{
    uint32_t place = 0;
    unsigned flavour = SOME;
    for (unsigned i = 0; i < path->len; i++) {
        place += o->before[flavour][path->rule[i]];
        if (i + 1 == path->len || !steps_of(o, path->rule[i], flavour)) break;
        place++;
        if (names_fragment(o->p, &o->p->rules[path->rule[i]])) flavour = WHOLE;
    }
    return place;
}

/* All paths up from a rule to a firewall, only by the calls. */
enum { CALLS_MOST = 256 };
struct climb {
    const struct frag_order *o;
    uint32_t firewall;
    struct path up; /* rules from the one in question upwards */
    unsigned calls; /* calls followed; at CALLS_MOST there may be more */
    uint32_t place; /* the first place of the rule */
    bool any, several;
};

static void arrive(struct climb *c)
{
    struct path path = {.len = c->up.len};
    for (unsigned i = 0; i < path.len; i++) path.rule[i] = c->up.rule[path.len - 1 - i];
    const uint32_t place = path_place(c->o, &path);
    c->several |= c->any && place != c->place;
    if (!c->any || place < c->place) c->place = place;
    c->any = true;
}

static void climb(struct climb *c, uint32_t rule)
{
    const struct frag_order *o = c->o;
    const uint32_t list = o->p->rules[rule].list;
    c->up.rule[c->up.len++] = rule;
    if (list & PBC_LIST_CHAIN) {
        const uint32_t *at = &o->first_caller[list & ~PBC_LIST_CHAIN];
        for (uint32_t i = at[0]; i < at[1] && c->calls < CALLS_MOST && c->up.len <= PBC_CHAIN_DEPTH; i++) {
            c->calls++;
            climb(c, o->callers[i]);
        }
    } else if (list == c->firewall) {
        arrive(c);
    }
    c->up.len--;
}

static void note_step(void *arg, const struct trace_step *step)
{
    struct path *path = arg;
    if (!step->matched || step->depth > PBC_CHAIN_DEPTH) return;
    path->rule[step->depth] = step->rule;
    path->len = step->depth + 1;
}

uint32_t frag_order_place(const struct frag_order *o, const struct verdict *v, const struct key *key,
                          const struct pkt *pkt, const struct peek *peek)
{
    if (v->rule == RULE_DEFAULT) return UINT32_MAX;
    if (v->rule == RULE_NONE || v->firewall == PBC_NONE) return 0;
    struct climb c = {.o = o, .firewall = v->firewall};
    climb(&c, v->rule);
    if (!c.several && c.calls < CALLS_MOST) return c.place;
    struct path path = {.len = 0};
    const uint32_t rule = decided_rule(run_list(o->p, key, pkt, 0, NULL, peek, note_step, &path));
    return rule == v->rule && path.len ? path_place(o, &path) : c.place;
}

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

static bool walk_in_order(struct walk *w, uint32_t list, unsigned flavour, uint32_t place);

/* Run a rule that matched: its effects, and the chain that it calls. True: the rule or its chain decided. *on: the
 * list continues. */
static bool follow_rule(struct walk *w, uint32_t rule, unsigned flavour, uint32_t place, bool *on)
{
    const struct program *p = w->o->p;
    const struct pbc_rule *r = &p->rules[rule];
    if (r->verdict == PBC_V_LOG || r->flags & PBC_RULE_LOG) effect_log(w->effects, p, rule, 0);
    if (pbc_decides(r->verdict)) {
        w->decided_by = rule;
        return true;
    }
    effect_count(w->effects, rule, w->pkt->wire_len);
    if (r->verdict == PBC_V_MIRROR) effect_mirror(w->effects, p, rule, w->pkt, 0);
    if (r->verdict == PBC_V_ADD) effect_add(w->effects, p, rule, w->key);
    *on = r->verdict != PBC_V_RETURN;
    if (r->verdict != PBC_V_DO) return false;
    w->depth++;
    const bool ended = walk_in_order(w, r->chain, flavour == WHOLE || names_fragment(p, r) ? WHOLE : SOME, place + 1);
    w->depth--;
    return ended;
}

/* Walk a list. `place`: that of its first rule. */
static bool walk_in_order(struct walk *w, uint32_t list, unsigned flavour, uint32_t place)
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
    if (!walk_in_order(&w, o->p->chains_count + firewall, SOME, 0)) return false;
    *out = decided_by_rule(o->p, w.decided_by, firewall);
    return true;
}
