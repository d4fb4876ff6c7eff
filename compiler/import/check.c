/* Check that calls between chains form no cycle, and that they are not too deep for the language. */
#include <errno.h>
#include <stdio.h>

#include "compiler/import/model.h"

static struct chain *jump_target(struct ruleset *s, const struct chain *c, const struct rule *r)
{
    if (r->act != ACT_JUMP && r->act != ACT_GOTO) return NULL;
    return (struct chain *)ruleset_find_chain(s, c->scope, r->target);
}

static struct traits traits_of(const struct rule *r)
{
    return (struct traits){.accepts = r->act == ACT_ACCEPT,
                           .arrival = rule_asks(r, ASK_ON) || r->urpf_failed || r->urpf_passed,
                           .departure = rule_asks(r, ASK_OUT_ON) != NULL,
                           .destination = rule_asks(r, ASK_TO) || rule_asks(r, ASK_DPORT) || r->translated ||
                                          (r->act == ACT_ADD && r->adding.destination),
                           .state = rule_asks(r, ASK_STATE) || r->flows_over,
                           .fragment = rule_asks(r, ASK_FRAGMENT) != NULL,
                           .source = rule_asks(r, ASK_FROM) || rule_asks(r, ASK_SPORT) ||
                                     (r->act == ACT_ADD && !r->adding.destination)};
}

static void traits_join(struct traits *a, const struct traits *b)
{
    a->accepts |= b->accepts;
    a->arrival |= b->arrival;
    a->departure |= b->departure;
    a->destination |= b->destination;
    a->state |= b->state;
    a->source |= b->source;
    a->fragment |= b->fragment;
}

/* Check a chain and all chains below it. The recursion ends at depth CHAINS_DEEP + 1. */
static int visit(struct ruleset *s, struct chain *c, unsigned depth, struct import_fault *f)
{
    if (c->seen == SEEN && depth + c->height <= CHAINS_DEEP) return 0;
    if (c->seen == ON_THE_WAY || depth > CHAINS_DEEP || c->seen == SEEN) {
        snprintf(f->text, sizeof(f->text),
                 c->seen == ON_THE_WAY ? "the chain `%.60s` of `%.60s` calls itself"
                                       : "in the chain `%.60s` of `%.60s`, jumps are nested more than %d deep",
                 c->name, c->scope, CHAINS_DEEP);
        return -EINVAL;
    }
    c->seen = ON_THE_WAY;
    for (const struct rule *r = c->rules; r; r = r->next) {
        struct chain *to = jump_target(s, c, r);
        const struct traits own = traits_of(r);
        traits_join(&c->has, &own);
        if (!to) continue;
        if (visit(s, to, depth + 1, f) < 0) return -EINVAL;
        traits_join(&c->has, &to->has);
        if (to->height + 1 > c->height) c->height = to->height + 1;
    }
    c->seen = SEEN;
    return 0;
}

int ruleset_check(struct ruleset *s, struct import_fault *f)
{
    if (ruleset_is_spent(s)) {
        snprintf(f->text, sizeof(f->text), "the rules have more than 33,554,432 conditions and list members");
        return -EINVAL;
    }
    ruleset_settle(s);
    for (struct chain *c = s->chains; c; c = c->next)
        if (visit(s, c, 0, f) < 0) return -EINVAL;
    return 0;
}
