/* Read test steps that send a packet and expect something: `expect`, by itself or of a reply, and `reply`. */
#include <inttypes.h>
#include <string.h>

#include "compiler/ruletest/ruletest.h"

enum action test_action_of(const struct node *fate)
{
    static const uint8_t actions[CL_COUNT] = {[CL_ACCEPT] = ACTION_ACCEPT,
                                              [CL_DROP] = ACTION_DROP,
                                              [CL_REJECT] = ACTION_REJECT,
                                              [CL_FORWARD] = ACTION_FORWARD,
                                              [CL_PASS] = ACTION_PASS};
    return (enum action)actions[clause_of(fate)];
}

/* True if the rule never decides `a`. refuses: a service or a `nat` may later refuse what the rule lets in, and such a
 * verdict still names the rule. */
static bool decides_otherwise(const struct pbc_rule *r, enum action a, bool refuses)
{
    const bool lets =
        a == ACTION_ACCEPT || a == ACTION_FORWARD || (refuses && (a == ACTION_DROP || a == ACTION_REJECT));
    return a == ACTION_PASS || (r->verdict == PBC_V_ACCEPT && !lets) ||
           (r->verdict == PBC_V_DROP && a != ACTION_DROP) || (r->verdict == PBC_V_REJECT && a != ACTION_REJECT);
}

static bool is_list_named(const struct compile *c, const struct pbc_rule *r, struct str name)
{
    const struct image *img = c->image;
    const uint32_t list = r->list & ~PBC_LIST_CHAIN;
    return str_is(name, image_str(img, r->list & PBC_LIST_CHAIN ? img->chains[list].name : img->firewalls[list].name));
}

/* Find the rule without a name at `edge:31`; false after a report. */
static bool rule_at_line(struct compile *c, const struct node *by, uint32_t *rule)
{
    const struct node *list = by->first, *line = list->next;
    const struct image *img = c->image;
    if (!symbol_want(c, list, SYM(FIREWALL) | SYM(CHAIN), "firewall or chain")) return false;
    for (uint32_t i = 0; i < img->rules_count; i++)
        if (img->rules[i].place.line == line->v.i && is_list_named(c, &img->rules[i], list->v.str)) {
            *rule = i;
            return true;
        }
    if (c->symbols->text_at_fault) return false;
    diag(c->diags, E_NO_SUCH_NAME, span_of(list, line), "`%s` has no rule on line %" PRIu64, list->v.str.s, line->v.i);
    diag_advise(c->diags, "name the rule with `as NAME`: line numbers change");
    return false;
}

static bool rule_named(struct compile *c, const struct node *name, bool would, uint32_t *rule)
{
    if (!symbol_find(c->symbols, SPACE_RULES, name->v.str) && symbol_lost(c, name->v.str)) return false;
    const struct symbol *s = symbol_want(c, name, SYM(RULE), "rule");
    *rule = s ? would ? s->would : s->index : PBC_NONE;
    if (s && *rule == PBC_NONE && c->image->audits) {
        diag(c->diags, E_TEST_RULE, name->span, "the rule `%s` is audited, so it decides nothing", name->v.str.s);
        diag_advise(c->diags, "to test the rule's effect without `audit`, write `expect would ...`");
    }
    return s && *rule != PBC_NONE;
}

bool test_rule_named(struct compile *c, const struct node *by, uint32_t *rule)
{
    return by->first->next ? rule_at_line(c, by, rule) : rule_named(c, by->first, false, rule);
}

static bool by_of(struct compile *c, const struct node *by, enum action a, bool would, uint32_t *rule)
{
    if (is_choice(by->first, CL_DEFAULT)) {
        *rule = RULE_DEFAULT;
        return true;
    }
    if (!(by->first->next ? rule_at_line(c, by, rule) : rule_named(c, by->first, would, rule))) return false;
    /* The rule must be able to give this verdict. */
    const struct pbc_rule *r = &c->image->rules[*rule];
    const bool ends = r->verdict <= PBC_V_REJECT;
    const char *rest = ends                      ? ""
                       : pbc_decides(r->verdict) ? ", and the inner packet is judged again"
                                                 : ", and a later rule or the default decides";
    if (ends && !decides_otherwise(r, a, c->image->services_count || c->image->nats_count)) return true;
    /* a tunnel that can't be opened is dropped */
    if (!ends && pbc_decides(r->verdict) && a == ACTION_DROP) return true;
    diag(c->diags, E_TEST_RULE, span_of(by->first, by->last), "this rule can't decide `%s`: it %s%s", action_name(a),
         verdict_info[r->verdict].does, rest);
    diag_note(c->diags, c->image->rule_span[*rule], "the rule is here");
    return false;
}

/* Return the mark that `state` names; 0 after a report. */
static uint16_t state_of(struct compile *c, const struct node *n)
{
    static const char *const words[] = {"new", "established", "related", "invalid"};
    for (uint16_t mark = MARK_NEW; mark <= MARK_INVALID; mark = (uint16_t)(mark << 1))
        if (str_is(n->v.str, state_name(mark))) return mark;
    diag(c->diags, E_NO_SUCH_WORD, n->span, "`%s` isn't a state: write new, established, related or invalid",
         n->v.str.s);
    const char *nearest = diag_nearest(n->v.str.s, words, 4);
    if (nearest) diag_guess(c->diags, SPAN_NONE, "%s", nearest);
    return 0;
}

bool test_subject_of(struct compile *c, struct test *t, const struct node *n, struct test_step *s)
{
    const struct node *written = n->kind == N_PACKET ? n : n->first && n->first->kind == N_PACKET ? n->first : NULL;
    s->packet_span = n->span;
    s->reply = n->kind == N_PACKET ? REPLY_NOT : written ? REPLY_WRITTEN : REPLY_BARE;
    s->packet =
        written ? test_packet_of(c, written, t->self, false, s->asks_server ? &s->said : NULL) : test_reply_of(c, n);
    return s->packet && test_packets_add(c, n, 1);
}

/* Find that clause among `n` and its next siblings. */
static const struct node *clause_beside(const struct node *n, enum clause clause)
{
    while (n && !is_clause(n, clause)) n = n->next;
    return n;
}

bool test_expect_step(struct compile *c, struct test *t, const struct node *n)
{
    const struct node *fate = n->first, *by = clause_beside(fate, CL_BY), *state = clause_beside(fate, CL_STATE);
    const struct node *last = state ? state->last : by ? by->last : fate;
    struct test_step *s = test_step_add(c, t, STEP_EXPECT, span_of(n, last));
    bool good = true;
    s->action = (uint8_t)test_action_of(fate);
    /* A service can reject or pass, too, by the client's data. */
    s->asks_server = s->action == ACTION_REJECT || s->action == ACTION_PASS;
    s->would = fate->first && c->image->audits;
    if (by && s->would) image_swap(c->image);
    if (by) good = by_of(c, by, s->action, s->would, &s->rule);
    if (by && s->would) image_swap(c->image);
    if (state) good = (s->state = state_of(c, state->first)) && good;
    return test_subject_of(c, t, n->last, s) && good;
}

/* Read a `reply` without `expect`: it expects to be let through. */
bool test_reply_step(struct compile *c, struct test *t, const struct node *n)
{
    struct test_step *s = test_step_add(c, t, STEP_EXPECT, n->span);
    s->action = ACTION_ACCEPT;
    s->stepped = true;
    return test_subject_of(c, t, n, s);
}
