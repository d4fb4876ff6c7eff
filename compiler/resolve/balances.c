/* `balance WORD`: which way, and what other balancers call it. */
#include "compiler/resolve/service.h"
#include "vm/forward/service.h"

/* IPVS' schedulers, HAProxy's and nginx' names. */
static const struct {
    const char *theirs;
    enum lb_kind ours;
} habits[] = {
    {"rr", LB_ROUND_ROBIN}, {"wrr", LB_ROUND_ROBIN}, {"roundrobin", LB_ROUND_ROBIN}, {"static-rr", LB_ROUND_ROBIN},
    {"lc", LB_LEAST_CONN},  {"wlc", LB_LEAST_CONN},  {"leastconn", LB_LEAST_CONN},   {"sed", LB_LEAST_CONN},
    {"nq", LB_LEAST_CONN},  {"sh", LB_SOURCE},       {"ip_hash", LB_SOURCE},         {"mh", LB_MAGLEV},
};

static void offer_balance(struct compile *c, struct str word)
{
    const char *names[LB_KINDS], *near = NULL;
    for (unsigned i = 0; i < LB_KINDS; i++) names[i] = lb_name((enum lb_kind)i);
    for (size_t i = 0; i < sizeof(habits) / sizeof(habits[0]); i++)
        if (str_is(word, habits[i].theirs)) near = names[habits[i].ours];
    if (near)
        diag_suggest(c->diags, SPAN_NONE, "%s", near);
    else if (str_is(word, "dh"))
        diag_advise(c->diags, "no balance looks at the destination: `source` and `maglev` look at the client");
    else if ((near = diag_nearest(word.s, names, LB_KINDS)))
        diag_guess(c->diags, SPAN_NONE, "%s", near);
    else
        diag_advise(c->diags, "one of maglev, round_robin, least_conn, random, source");
}

uint8_t balance_of(struct compile *c, const struct node *clause)
{
    const struct node *word = clause ? clause->first : NULL;
    const int kind = word ? lb_by_name(word->v.str.s, word->v.str.len) : LB_MAGLEV;
    if (kind >= 0) return (uint8_t)kind;
    diag(c->diags, E_NO_SUCH_WORD, word->span, "no way to balance is called `%s`", word->v.str.s);
    offer_balance(c, word->v.str);
    return LB_MAGLEV;
}
