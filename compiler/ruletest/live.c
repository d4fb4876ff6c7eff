/* Members of live sets that a test begins with: `live caught has 192.0.2.9 for 10m`. */
#include "compiler/ruletest/ruletest.h"
#include "vm/judge/lives.h"

static bool member_of(struct compile *c, const struct node *n, struct live_net *net)
{
    const struct node_value v = value_of(c, n);
    struct addr lo, hi;
    if (v.node->kind == N_NAME) return symbol_want(c, v.node, SYM(CONST), "constant") && false;
    if (v.node->kind != N_ADDR && v.node->kind != N_PREFIX) {
        report_wrong_value(c, n, v, "an address or a prefix, such as 192.0.2.9");
        return false;
    }
    if (!address_ends(c, v.node, &lo, &hi)) return false;
    addr_words(&lo, net->addr);
    net->v6 = lo.family == 6;
    net->len = v.node->kind == N_PREFIX ? v.node->v.prefix.len : net->v6 ? 128 : 32;
    return true;
}

bool test_live_step(struct compile *c, struct test *t, const struct node *n)
{
    const struct node *member = n->first->next, *time = member->next;
    struct test_step *s = test_step_add(c, t, STEP_LIVE, span_of(n, time ? time->last : member));
    struct live_net *net = arena_alloc(c->arena, sizeof(*net));
    s->live = live_of(c, n->first);
    s->net = net;
    const bool good = member_of(c, member, net);
    return (!time || test_duration_of(c, time->first, &s->ns)) && good && s->live != PBC_NONE;
}

bool test_live(struct test_run *r, const struct test_step *s)
{
    static const char *const refused[] = {[LIVE_OUTSIDE] = "the address isn't in the set after `in`",
                                          [LIVE_NEVER] = "the address is in the set after `never`"};
    const enum live_refusal why = lives_refuse(r->program, s->live, s->net);
    const char *name = program_str(r->program, r->program->lives[s->live].name);
    const uint64_t now_ms = r->now_ns / 1000000;
    if (why != LIVE_MAY) {
        diag(r->c->diags, E_TEST_FAILED, s->span, "test \"%s\": `%s` can't have this member: %s", r->test->name.s, name,
             refused[why]);
        return false;
    }
    const uint64_t end_ms = s->ns ? now_ms + (s->ns + 999999) / 1000000 : LIVE_FOREVER;
    const enum live_said said = live_add(r->members->sets[s->live], now_ms, s->net, end_ms, LIVE_SET);
    if (said == LIVE_ADDED || said == LIVE_RENEWED || said == LIVE_KEPT) return true;
    diag(r->c->diags, E_TEST_FAILED, s->span, "test \"%s\": `%s` can't have this member: %s", r->test->name.s, name,
         said == LIVE_LENGTHS ? "the members would have more than eight prefix lengths" : "the set is full");
    return false;
}
