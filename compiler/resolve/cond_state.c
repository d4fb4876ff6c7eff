/* Conditions on connections: what `state` says of the packet, and how many flows its source holds. */
#include <strings.h>

#include "compiler/resolve/resolve.h"
#include "vm/packet/key.h"
#include "vm/vm.h"

static const struct word state_words[] = {
    {"new", MARK_NEW}, {"established", MARK_ESTABLISHED}, {"related", MARK_RELATED}, {"invalid", MARK_INVALID},
    {NULL, 0},
};

/* What conntrack calls a state and is none here. */
static void say_conntrack(struct diags *d, const struct node *n)
{
    if (n->kind == N_ANY) return;
    if (strcasecmp(n->v.str.s, "untracked") == 0)
        diag_advise(d, "leave it out: there is no `notrack`, every packet is followed");
    else if (strcasecmp(n->v.str.s, "dnat") == 0 || strcasecmp(n->v.str.s, "snat") == 0)
        diag_advise(d,
                    "leave it out: what a `nat` forwards is let in by its outer address and port, and its answers are "
                    "not judged");
}

void cond_state(struct rule_work *w, const struct node *n)
{
    uint32_t mask = 0, bit;

    node_each(child, n)
    {
        if (word_want(w, child, state_words, "state", &bit))
            mask |= bit;
        else
            say_conntrack(w->c->diags, child);
    }
    if (says_not(n) && mask == MARK_STATES) warn_never(w, n, "`not` leaves out every state");
    struct pbc_cond *cond = cond_add(w, COND_STATE, n);
    if (cond) cond->arg = mask;
}

/* Flows are counted for each source address, and the rule says so. */
static bool per_source(struct rule_work *w, const struct node *n, const struct node *per)
{
    const struct node *by = per ? per->first : NULL;

    if (by && is_choice(by, CL_SOURCE) && !by->next) return true;
    diag(w->c->diags, E_FLOWS_KEY, per ? per->span : n->span, "`flows over` counts the flows of each source address%s",
         !per             ? ": say so"
         : by && by->next ? ", not of a prefix"
                          : "");
    if (per)
        diag_suggest(w->c->diags, whole_clause(per), "per source");
    else
        diag_suggest(w->c->diags, span_after(n->span), " per source");
    w->bad = true;
    return false;
}

void cond_flows(struct rule_work *w, const struct node *n)
{
    static const struct number_kind kind = {.what = "a number of flows",
                                            .range = "the number goes from 1 to 100_000_000",
                                            .least = 1,
                                            .less = "to allow none, leave `flows over` out",
                                            .most = 100000000};
    const struct node *per = n->first->next;
    uint32_t most;

    if (!number_one(w->c, n->first, &kind, &most)) {
        w->bad = true;
        return;
    }
    if (!per_source(w, n, per)) return;
    struct pbc_cond *cond = cond_add(w, COND_FLOWS_OVER, n);
    if (cond) cond->arg = most;
}
