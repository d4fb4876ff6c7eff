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

/* Flows are counted for each source, or each of their networks, and the rule says so. */
static bool per_source(struct rule_work *w, const struct node *n, const struct node *per)
{
    if (per && per->first && is_choice(per->first, CL_SOURCE)) return true;
    diag(w->c->diags, E_FLOWS_KEY, per ? per->span : n->span, "`flows over` counts the flows of each source%s",
         per ? "" : ": say so");
    if (per)
        diag_suggest(w->c->diags, whole_clause(per), "per source");
    else
        diag_suggest(w->c->diags, span_after(n->span), " per source");
    w->bad = true;
    return false;
}

/* Its number among the image's; PBC_NONE after a report. */
static uint32_t grain_share(struct rule_work *w, const struct node *per)
{
    const struct pbc_grain g = per_lengths(per);
    struct image *img = w->c->image;
    for (uint32_t i = 0; i < img->grains_count; i++)
        if (img->grains[i].len4 == g.len4 && img->grains[i].len6 == g.len6) return i;
    struct pbc_grain *to = image_add_grains(img);
    if (to) {
        *to = g;
        return img->grains_count - 1;
    }
    report_full(w->c, per->span, "lengths of prefixes that `flows over` counts by", PBC_GRAINS_MAX);
    w->bad = true;
    return PBC_NONE;
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
    const uint32_t grain = grain_share(w, per);
    struct pbc_cond *cond = grain == PBC_NONE ? NULL : cond_add(w, COND_FLOWS_OVER, n);
    if (!cond) return;
    cond->arg = most;
    cond->first = grain;
    cond->count = 1;
    if (!per->first->next || per->first->next->next) return;
    struct flows_length *one = arena_alloc(w->c->arena, sizeof(*one));
    *one = (struct flows_length){(uint32_t)(cond - w->c->image->conds), per, w->c->flows_lengths};
    w->c->flows_lengths = one;
}
