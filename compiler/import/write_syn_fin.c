/* A SYN with FIN is invalid in netfilter (tcp_valid_flags of the kernel's tracking) and new in prey. So a rule for
 * invalid packets is written once more for such a SYN, and a rule for new packets is written without it. The flags
 * of a rule for TCP exclude the SYN; before other rules, a rule drops exactly the packets that the rule would let
 * by. */
#include <string.h>

#include "compiler/import/write_priv.h"

enum { TCP = 6, FIN = 1, SYN = 2 };

static bool holds_tcp(const struct list *proto)
{
    bool holds = false;
    if (!proto) return true;
    for (uint32_t i = 0; i < proto->count; i++) holds |= proto->of[i].lo <= TCP && TCP <= proto->of[i].hi;
    return holds != proto->negated;
}

static bool may_be_syn_fin(const struct rule *r)
{
    return holds_tcp(rule_asks(r, ASK_PROTO)) && !(r->flags_lacks & (SYN | FIN));
}

static bool is_drop_of_syn_fin(const struct rule *r)
{
    return r->act == ACT_DROP && !r->meters && !(r->flags_has & ~(SYN | FIN)) && may_be_syn_fin(r);
}

/* True if the rule asks for nothing but TCP, of any family that comes here. */
static bool asks_nothing_else(const struct place *p, const struct rule *r)
{
    for (const struct condition *c = r->conditions; c; c = c->next)
        if (c->about != ASK_PROTO) return false;
    return (!r->family || r->family == p->family) && !r->flows_over && !r->urpf_failed && !r->urpf_passed &&
           r->translated == NO_MATTER;
}

/* Return the rule for the SYN with FIN that meets it, without its condition on states. */
static struct rule for_syn_fin(struct writer *w, const struct rule *r)
{
    struct rule out = *r;
    struct list tcp = {0};
    out.conditions = NULL;
    for (const struct condition *c = r->conditions; c; c = c->next)
        if (c->about != ASK_STATE) rule_want(w->s, &out, c->about, c->list);
    list_number(&tcp, TCP, TCP, w->s->arena);
    rule_want(w->s, &out, ASK_PROTO, tcp);
    rule_want_flags(&out, SYN | FIN, 0);
    out.name = out.comment = NULL;
    return out;
}

static void put_drop(struct writer *w, const struct place *p, const struct rule *r)
{
    fputs("drop", w->out);
    put_conditions_here(w, p, r);
    put_options(w, r);
    fputs("  # invalid to netfilter\n", w->out);
    w->syn_fin_dropped |= asks_nothing_else(p, r) && !r->meters;
}

/* Write the rule for a SYN with FIN, which netfilter also treats as invalid. */
static void put_invalid(struct writer *w, const struct place *p, const struct rule *r, put_one *put)
{
    const struct rule also = for_syn_fin(w, r);
    if (also.never) return;
    if (also.act == ACT_DROP)
        put_drop(w, p, &also);
    else
        put(w, p, &also);
}

/* Drop the SYN with FIN that the rule would let by, or lead elsewhere. */
static void put_leading(struct writer *w, const struct place *p, const struct rule *r)
{
    struct rule leading = for_syn_fin(w, r);
    const bool leads = r->act == ACT_ACCEPT || r->act == ACT_RETURN || r->act == ACT_JUMP || r->act == ACT_GOTO;
    if (!leads || leading.never) return;
    leading.meters = NULL;
    leading.flows_over = 0;
    leading.log = false;
    put_drop(w, p, &leading);
}

void put_by_netfilter(struct writer *w, const struct place *p, const struct rule *r, put_one *put)
{
    const struct list *state = rule_asks(r, ASK_STATE);
    const bool new = state &&list_has_word(state, "new") != state->negated,
               invalid = state &&list_has_word(state, "invalid") != state->negated;
    struct rule without = *r;
    if (new != invalid && !p->before_state && !w->syn_fin_dropped && may_be_syn_fin(r)) {
        if (invalid)
            put_invalid(w, p, r, put);
        else if (is_tcp(r))
            rule_want_flags(&without, 0, FIN);
        else
            put_leading(w, p, r);
    }
    if (!without.never) put(w, p, &without);
    w->syn_fin_dropped |= !state && is_drop_of_syn_fin(r) && asks_nothing_else(p, r);
}
