/* Explain why a rule did not decide about the packet of a failed test. The explanation is the first failed condition
 * of the expected rule. If a verdict was expected of any rule, it is that of the rule that came closest. */
#include <string.h>

#include "compiler/ruletest/ruletest.h"

struct look {
    struct test_run *r;
    struct test_search *s;
};

/* Return the first condition of the rule that fails, taking every meter for unused; *count: how many fail. */
static uint32_t first_failed(const struct program *p, const struct test_search *s, uint32_t rule, unsigned *count)
{
    const struct pbc_rule *r = &p->rules[rule];
    uint32_t first = PBC_NONE;
    *count = 0;
    for (uint32_t i = r->conds; i < r->conds + r->cond_count; i++) {
        if (cond_match(p, &p->conds[i], &s->key, &s->pkt)) continue;
        if (first == PBC_NONE) first = i;
        ++*count;
    }
    return first;
}

static bool gives(const struct pbc_rule *r, const struct test_step *step)
{
    return step->action == ACTION_DROP     ? r->verdict == PBC_V_DROP
           : step->action == ACTION_REJECT ? r->verdict == PBC_V_REJECT
                                           : r->verdict == PBC_V_ACCEPT && step->action != ACTION_PASS;
}

static bool leads_to(const struct program *p, const struct pbc_rule *r, uint32_t rule)
{
    return rule < p->rules_count && r->verdict == PBC_V_DO && p->rules[rule].list == (r->chain | PBC_LIST_CHAIN);
}

static void why_look(void *arg, const struct trace_step *t)
{
    const struct look *l = arg;
    const struct program *p = l->r->program;
    struct test_search *s = l->s;
    unsigned count;
    s->matched |= t->matched && t->rule == s->step->rule;
    if (t->matched) return;
    if (t->rule == s->step->rule) s->wanted = *t;
    if (leads_to(p, &p->rules[t->rule], s->step->rule) && s->closed.failed_cond == PBC_NONE) s->closed = *t;
    if (s->step->rule != RULE_NONE || s->step->mirrored || !gives(&p->rules[t->rule], s->step)) return;
    first_failed(p, s, t->rule, &count);
    if (count > 1) return;
    s->closest = *t;
    s->closest_count++;
}

static void look_away(void *arg, const struct trace_step *t) {}

/* Replace a packet in a tunnel that would be opened by the packet inside, which is the one judged. */
static void look_inner(struct test_run *r, struct test_search *s)
{
    const struct program *p = r->program;
    const struct vm_in in = {.mono_ns = r->now_ns, .facts = &r->facts};
    struct pkt *inner = NULL;
    struct key key;
    if (!(p->meta->flags & PBC_OPENS) || s->pkt.reason != REASON_NONE) return;
    const struct decision d = vm_explain(r->vm, &in, &s->key, &s->pkt, look_away, NULL);
    if (d.rule >= p->rules_count || !verdict_is(p->rules[d.rule].verdict, VERDICT_OPENS)) return;
    program_open(p, d.rule, &s->pkt, &s->key, &r->facts, r->pool, &inner, &key);
    if (!inner) return;
    s->pkt = *inner;
    s->pkt.pool = NULL;
    s->pkt.data = arena_alloc(r->c->arena, inner->head_len);
    memcpy(s->pkt.data, inner->data, inner->head_len);
    pool_put(inner);
    s->inner = true;
    test_parse(r, &s->pkt, &s->key);
}

void test_look(struct test_run *r, const struct test_step *step, const struct pkt *pkt, struct test_search *s)
{
    const struct trace_step none = {.failed_cond = PBC_NONE};
    *s = (struct test_search){.step = step, .pkt = *pkt, .wanted = none, .closed = none, .closest = none};
    test_parse(r, &s->pkt, &s->key);
    look_inner(r, s);
    s->served = test_served(r, &s->pkt, &s->key);
}

void test_search(struct test_run *r, struct test_search *s)
{
    const struct vm_in in = {.mono_ns = r->now_ns, .facts = &r->facts};
    struct look l = {r, s};
    if (s->pkt.reason == REASON_NONE) vm_explain(r->vm, &in, &s->key, &s->pkt, why_look, &l);
}

static void note_step(struct test_run *r, const struct test_search *s, const struct trace_step *t, const char *before,
                      uint32_t rule)
{
    char why[300], name[RULE_TEXT];
    step_explain(r->program, t, &s->key, &s->pkt, why, sizeof(why));
    diag_note(r->c->diags, r->c->image->cond_span[t->failed_cond], "`%s` %s: %s", test_rule_text(r, rule, name), before,
              why);
}

/* Explain why the rule was not reached: its own conditions, the way to it, or the rules before it. */
static void note_unreached(struct test_run *r, const struct test_search *s, const struct verdict *v)
{
    const struct image *img = r->c->image;
    const uint32_t rule = s->step->rule, list = img->rules[rule].list;
    const struct span at = img->rule_span[rule];
    char name[RULE_TEXT];
    unsigned count;
    const struct trace_step own = {.rule = rule, .failed_cond = first_failed(r->program, s, rule, &count)};
    test_rule_text(r, rule, name);
    if (own.failed_cond != PBC_NONE)
        note_step(r, s, &own, "doesn't match", rule);
    else if (s->closed.failed_cond != PBC_NONE)
        note_step(r, s, &s->closed, "is in a chain that no `do` reached", rule);
    else if (!(list & PBC_LIST_CHAIN) && v->firewall != list)
        diag_note(r->c->diags, at, "`%s` is in another firewall, `%s`", name,
                  image_str(img, img->firewalls[list].name));
    else if (v->rule < img->rules_count)
        diag_note(r->c->diags, at, "`%s` would match, but the other rule decided first", name);
    else
        diag_note(r->c->diags, at, "`%s` would match, but no `do` in `%s` called its chain", name,
                  image_str(img, img->firewalls[v->firewall].name));
}

void test_note_why(struct test_run *r, const struct test_search *s, const struct verdict *v)
{
    const uint32_t rule = s->step->rule;
    if (s->pkt.reason != REASON_NONE || v->firewall == PBC_NONE || rule == v->rule) return;
    if (s->step->mirrored && (s->step->mirrored == MIRRORED_NOT || rule == RULE_NONE)) return;
    if (s->step->mirrored && s->matched) {
        test_note_uncopied(r, s);
        return;
    }
    /* The rules gave the expected action, or the packet has a reason beside the rules. */
    if (rule == RULE_NONE && (v->action == s->step->action || v->reason != REASON_NONE)) return;
    if (s->wanted.failed_cond != PBC_NONE)
        note_step(r, s, &s->wanted, "doesn't match", rule);
    else if (rule < r->program->rules_count)
        note_unreached(r, s, v);
    else if (s->closest_count == 1 && s->closest.rule != v->rule)
        note_step(r, s, &s->closest, "came closest", s->closest.rule);
}
