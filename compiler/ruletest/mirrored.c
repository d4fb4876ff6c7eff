/* `expect mirrored by RULE`, `expect not mirrored`: which rules with `mirror` copy a packet. A rule with `sent`
 * copies packets that go on, not dropped or rejected ones. */
#include <string.h>

#include "compiler/ruletest/ruletest.h"

bool test_mirrored_step(struct compile *c, struct test *t, const struct node *n)
{
    const struct node *by = is_clause(n->first, CL_BY) ? n->first : NULL;
    struct test_step *s = test_step_add(c, t, STEP_EXPECT, by ? span_of(n, by->last) : n->span);
    bool good = true;
    s->mirrored = clause_of(n) == CL_EXPECT_MIRRORED ? MIRRORED_BY : MIRRORED_NOT;
    if (by) good = test_rule_named(c, by, &s->rule);
    if (by && good && c->image->rules[s->rule].verdict != PBC_V_MIRROR) {
        diag(c->diags, E_TEST_RULE, span_of(by->first, by->last), "this rule copies nothing: it %s",
             verdict_info[c->image->rules[s->rule].verdict].does);
        diag_note(c->diags, c->image->rule_span[s->rule], "the rule is here");
        good = false;
    }
    return test_subject_of(c, t, n->last, s) && good;
}

/* Return the place of a packet's copies: a held packet's own, else that of the packet judged last. */
static uint64_t *copies_of(struct test_run *r, uint64_t cookie)
{
    for (struct test_held *h = r->held; h; h = h->next)
        if (h->cookie == cookie) return &h->mirrored;
    return &r->mirrored;
}

void test_mirror(void *arg, unsigned mirror, const struct pkt *pkt)
{
    *copies_of(arg, pkt->cookie) |= UINT64_C(1) << mirror;
}

uint64_t test_mirrors_sent(const struct pkt *pkt, const struct verdict *v)
{
    const bool goes_on = v->action == ACTION_ACCEPT || v->action == ACTION_FORWARD || v->action == ACTION_PASS;
    return goes_on ? pkt->mirrors : 0;
}

bool test_mirrored_holds(const struct test_run *r, const struct test_step *s)
{
    const uint64_t of = s->rule == RULE_NONE ? UINT64_MAX : UINT64_C(1) << r->program->rules[s->rule].mirror;
    return !(r->mirrored & of) == (s->mirrored == MIRRORED_NOT);
}

const char *test_mirrored_text(const struct test_run *r, const char *what, char *buf, size_t len)
{
    const struct program *p = r->program;
    char name[RULE_TEXT];
    size_t at = (size_t)snprintf(buf, len, "%s, %s", what, r->mirrored ? "mirrored by " : "not mirrored");
    const char *before = "";
    for (unsigned i = 0; i < p->mirrors_count; i++) {
        if (!(r->mirrored >> i & 1) || at >= len) continue;
        at += (size_t)snprintf(buf + at, len - at, "%s%s", before, test_rule_text(r, p->mirrors[i].rule, name));
        before = ", ";
    }
    return buf;
}

void test_note_uncopied(struct test_run *r, const struct test_search *s)
{
    const uint32_t rule = s->step->rule;
    const struct pbc_mirror *m = &r->program->mirrors[r->program->rules[rule].mirror];
    char name[RULE_TEXT];
    if (m->flags & PBC_MIRROR_SENT)
        diag_note(r->c->diags, r->c->image->rule_span[rule],
                  "`%s` copies forwarded packets, and this packet isn't forwarded", test_rule_text(r, rule, name));
    else
        diag_note(r->c->diags, r->c->image->rule_span[rule], "`%s` matches, but its `limit` left no copy",
                  test_rule_text(r, rule, name));
}
