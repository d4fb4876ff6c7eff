/* Settle rules whose meaning depends on others of the file (ruleset_settle). */
#include <string.h>

#include "compiler/import/write_priv.h"

enum { SPLITS_MOST = 3, SPARED_MOST = 16, NESTED_MOST = 4 };

static bool asks_nothing(const struct rule *r)
{
    return !r->conditions && !r->family && !r->flags_has && !r->flags_lacks && !r->flows_over && !r->urpf_failed &&
           !r->urpf_passed && !r->meters && !r->never && r->translated == NO_MATTER;
}

static bool asks_only_route(const struct rule *r)
{
    struct rule without = *r;
    without.urpf_passed = false;
    return asks_nothing(&without);
}

static bool ends_chain(const struct rule *r)
{
    return r->act == ACT_ACCEPT || r->act == ACT_DROP || r->act == ACT_REJECT || r->act == ACT_RETURN ||
           r->act == ACT_GOTO;
}

static struct chain *split_off(struct ruleset *s, struct chain *c, struct rule *last)
{
    const char *name = import_format(s, "%.100s-else", c->name);
    for (unsigned n = 2; ruleset_find_chain(s, c->scope, name); n++)
        name = import_format(s, "%.100s-else-%u", c->name, n);
    struct chain *rest = ruleset_chain(s, c->scope, name);
    rest->family = c->family;
    rest->split = c->split + 1;
    rest->rules = last->next;
    if (last->next) rest->end = c->end;
    for (const struct rule *r = rest->rules; r; r = r->next) rest->count++;
    last->next = NULL;
    c->end = &last->next;
    c->count -= rest->count;
    return rest;
}

static struct rule *lead(struct ruleset *s, struct chain *c, const char *text, const struct chain *to, enum act how)
{
    struct rule *r = chain_rule(s, c, text);
    if (!r) return NULL;
    r->act = to->rules ? how : ACT_RETURN;
    r->target = to->name;
    return r;
}

/* Split the chain at a rule for sources with a return route, because prey asks only for a missing one. Before the
 * rule, the other packets go to the rest of the chain, which becomes a separate chain. Packets that the rule does
 * not end follow them there. */
static void split_at(struct ruleset *s, struct chain *c, struct rule *before, struct rule *r)
{
    struct chain *rest = split_off(s, c, r);
    struct rule **at = before ? &before->next : &c->rules;
    *at = NULL;
    c->end = at;
    c->count--;
    const bool ends = ends_chain(r) && asks_only_route(r);
    struct rule *others = lead(s, c, r->text, rest, ends && r->act == ACT_RETURN ? ACT_JUMP : ACT_GOTO);
    if (!others) {
        rule_unsaid(r, "there are more than 1,000,000 rules");
    } else {
        others->urpf_failed = true;
        others->by_mark = r->by_mark;
        r->urpf_passed = false;
    }
    *c->end = r;
    c->end = &r->next;
    c->count++;
    if (rest->rules && !ends) lead(s, c, r->text, rest, ACT_GOTO);
}

static void settle_routes(struct ruleset *s, struct chain *c)
{
    struct rule *before = NULL;
    for (struct rule *r = c->rules; r; before = r, r = r->next) {
        if (s->sets_marks && r->by_mark && !r->unsaid)
            rule_apart(r, "prey looks up routes without marks, but rules in this file set marks");
        if (!r->urpf_passed || r->unsaid || r->never || c->nat) continue;
        if (c->split == SPLITS_MOST) {
            rule_unsaid(r, "the chain has too many checks for a return route");
            continue;
        }
        split_at(s, c, before, r);
        return;
    }
}

/* The last returns of the chain so far that prey can't express */
struct spared {
    const struct rule *of[SPARED_MOST];
    unsigned count;
    bool any;
};

/* True if the drop takes all that the return spares, as far as its conditions are known. */
static bool drop_takes(const struct rule *drop, const struct rule *spares)
{
    if (drop->flows_over || drop->meters || drop->urpf_failed || drop->urpf_passed || drop->translated) return false;
    if (drop->family && drop->family != spares->family) return false;
    if (drop->flags_has & ~spares->flags_has || drop->flags_lacks & ~spares->flags_lacks) return false;
    for (const struct condition *c = drop->conditions; c; c = c->next) {
        const struct list *same = rule_asks(spares, c->about);
        if (!same || !list_same(same, &c->list)) return false;
    }
    return true;
}

static bool takes_spared(struct ruleset *s, const struct spared *spared, const struct rule *drop)
{
    if (spared->any && asks_nothing(drop)) return true;
    for (unsigned i = 0; i < spared->count && i < SPARED_MOST && ruleset_spend(s, 1); i++)
        if (drop_takes(drop, spared->of[i])) return true;
    return false;
}

/* True if the chain lets no packet by that reaches it. */
static bool drops_all(struct ruleset *s, const struct chain *c, unsigned depth)
{
    for (const struct rule *r = c ? c->rules : NULL; r && ruleset_spend(s, 1); r = r->next) {
        const bool drops = r->act == ACT_DROP || r->act == ACT_REJECT;
        const bool leads = r->act == ACT_JUMP || r->act == ACT_GOTO;
        if (drops && !r->unsaid && asks_nothing(r)) return true;
        if (leads && asks_nothing(r) && depth < NESTED_MOST)
            return drops_all(s, ruleset_find_chain(s, c->scope, r->target), depth + 1);
        if (!drops && r->act != ACT_NONE && r->act != ACT_SILENT) return false;
    }
    return false;
}

static bool is_drop(struct ruleset *s, const struct chain *c, const struct rule *r)
{
    if (r->act == ACT_DROP || r->act == ACT_REJECT) return true;
    const bool leads = r->act == ACT_JUMP || r->act == ACT_GOTO;
    return leads && drops_all(s, ruleset_find_chain(s, c->scope, r->target), 0);
}

/* Leave out a rule that drops all packets that a return before it spares, if prey can't express the return. If
 * returning ends in a policy that drops, nothing is spared. */
static void settle_returns(struct ruleset *s, const struct chain *c)
{
    struct spared spared = {.count = 0};
    if (c->nat || c->drops) return;
    for (struct rule *r = c->rules; r; r = r->next) {
        if (r->act == ACT_RETURN && conditions_unsayable(r)) {
            spared.of[spared.count++ % SPARED_MOST] = r;
            spared.any = true;
        } else if (spared.any && !r->unsaid && takes_spared(s, &spared, r) && is_drop(s, c, r)) {
            rule_unsaid(
                r,
                "an earlier `return` wasn't imported, and exempts packets from this rule: write both rules yourself");
        }
    }
}

/* Settle rules on broadcast addresses. Packets to the broadcast address of one network are `self` to prey. A rule
 * that lets them in or spares them is narrower without them; other rules can't be expressed. */
static void settle_broadcasts(struct chain *c)
{
    for (struct rule *r = c->rules; r; r = r->next) {
        if (!r->broadcast) continue;
        if (r->act == ACT_ACCEPT || r->act == ACT_RETURN || r->act == ACT_NONE || r->act == ACT_SILENT)
            rule_apart(r,
                       "only 255.255.255.255: in prey, `self` has the broadcast addresses of this machine's networks");
        else
            rule_unsaid(r, "prey doesn't know whether an address is a network's broadcast address");
    }
}

void ruleset_settle(struct ruleset *s)
{
    for (struct chain *c = s->chains; c; c = c->next) settle_broadcasts(c);
    for (struct chain *c = s->chains; c; c = c->next) settle_routes(s, c);
    for (const struct chain *c = s->chains; c; c = c->next) settle_returns(s, c);
}
