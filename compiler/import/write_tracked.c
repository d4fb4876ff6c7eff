/* Translate connection states. netfilter has one more than prey, `untracked`. A rule can make packets untracked. Else
 * only ICMPv6 messages of neighbour discovery and group membership are untracked (noct_valid_new of the kernel's
 * tracking). These messages have no other state in netfilter, and are always new in prey. */
#include <string.h>

#include "compiler/import/write_priv.h"

enum { ICMP6 = 58 };

static struct list without_untracked(struct writer *w, const struct list *asked)
{
    struct list states = {.negated = asked->negated};
    for (uint32_t i = 0; i < asked->count; i++)
        if (strcmp(asked->of[i].word, "untracked") != 0) list_add(&states, asked->of[i], w->s->arena);
    return states;
}

/* Return the rule with `states` in place of its own; empty: without a condition on states. */
static struct rule with_states(struct writer *w, const struct rule *r, const struct list *states)
{
    struct rule out = *r;
    struct condition **end = &out.conditions;
    for (const struct condition *c = r->conditions; c; c = c->next) {
        if (c->about == ASK_STATE && !states->count) continue;
        *end = arena_alloc(w->s->arena, sizeof(**end));
        **end = (struct condition){.about = c->about, .list = c->about == ASK_STATE ? *states : c->list};
        end = &(*end)->next;
    }
    *end = NULL;
    return out;
}

unsigned rules_by_state(struct writer *w, const struct rule *r, uint8_t family, struct rule out[2])
{
    const struct list *asked = rule_asks(r, ASK_STATE), none = {0};
    unsigned n = 0;
    out[0] = *r;
    if (!asked) return 1;
    const bool new = list_has_word(asked, "new") != asked->negated,
               untracked = list_has_word(asked, "untracked") != asked->negated;
    const struct list states = without_untracked(w, asked);
    struct rule others = with_states(w, r, &states), icmp6 = with_states(w, r, untracked ? &none : &states);
    others.never |= !states.count && !states.negated;
    if (new == untracked || r->family == 4 || family == 4) {
        icmp6.never = true;
    } else {
        /* ICMPv6 messages that are untracked, or all others */
        struct list proto = {0}, types = {.negated = !untracked};
        list_number(&proto, ICMP6, ICMP6, w->s->arena);
        list_number(&types, 130, 136, w->s->arena);
        list_number(&types, 143, 143, w->s->arena);
        rule_want(w->s, &icmp6, ASK_PROTO, proto);
        rule_want(w->s, &icmp6, ASK_ICMP_TYPE, types);
        if (new) {
            /* In IPv4 the number of ICMPv6 is an ordinary protocol. */
            struct list no_icmp6 = {.negated = true};
            list_add(&no_icmp6, (struct extent){.lo = ICMP6, .hi = ICMP6, .word = "icmp6"}, w->s->arena);
            rule_want(w->s, &others, ASK_PROTO, no_icmp6);
        }
    }
    if (!others.never) out[n++] = others;
    if (!icmp6.never) out[n++] = icmp6;
    w->leaves_untracked |= new && !icmp6.never;
    return n;
}
