/* Tests of a rule file, run: each in a fresh state of the finished program, its steps in order, its clock its own. */
#include <errno.h>
#include <stdlib.h>

#include "compiler/test_priv.h"

/* Every test begins at the same moment, so that it gives the same answer whenever it runs: Monday 2026-01-05, 00:00
 * UTC. */
#define BEGIN_NS (UINT64_C(1767571200) * 1000000000)

static void take_self(struct facts *f, const struct test_self *self)
{
    f->self4 = self->v4;
    f->self4_count = self->count4;
    f->self6 = self->v6;
    f->self6_count = self->count6;
    f->generation++;
}

void test_judge(struct test_run *r, struct pkt *pkt, struct verdict *v)
{
    const struct vm_in in = {.mono_ns = r->now_ns, .facts = &r->facts};
    struct vm_tx tx = {0};

    vm_run(r->vm, &in, &pkt, 1, v, &tx);
}

bool test_holds(const struct test_step *s, const struct verdict *v)
{
    const bool forwarded = s->action == ACTION_ACCEPT && v->action == ACTION_FORWARD;

    return (v->action == s->action || forwarded) && (s->rule == RULE_NONE || s->rule == v->rule);
}

static void build(const struct test_run *r, const struct test_step *s, struct pkt *pkt)
{
    const uint32_t len = test_frame_build(s->packet, r->frame);

    pkt_view(pkt, r->frame, len, len, LINK_ETHER, s->packet->iface);
}

static bool expect(struct test_run *r, const struct test_step *s)
{
    struct pkt pkt;
    struct verdict v;

    build(r, s, &pkt);
    test_judge(r, &pkt, &v);
    if (test_holds(s, &v)) return true;
    test_report(r, s, &pkt, &v);
    return false;
}

/* The first packet at once, the others evenly over the time; then the time is over. */
static void repeat(struct test_run *r, const struct test_step *s)
{
    const uint64_t began = r->now_ns;
    struct pkt pkt;
    struct verdict v;

    build(r, s, &pkt);
    for (uint64_t i = 0; i < s->count; i++) {
        r->now_ns = began + (uint64_t)((unsigned __int128)s->ns * i / s->count);
        test_judge(r, &pkt, &v);
    }
    r->now_ns = began + s->ns;
}

/* False when the step failed. A test goes on after a failure: every wrong expectation is told in one run. */
static bool step(struct test_run *r, const struct test_step *s)
{
    switch (s->kind) {
    case STEP_EXPECT: return expect(r, s);
    case STEP_REPEAT: repeat(r, s); return true;
    case STEP_AFTER: r->now_ns += s->ns; return true;
    case STEP_SELF: take_self(&r->facts, s->self); return true;
    case STEP_REPLAY: return test_replay(r, s);
    }
    return true;
}

static void run_test(struct test_run *r, struct test *t)
{
    r->test = t;
    r->now_ns = r->began_ns = BEGIN_NS;
    r->facts = (struct facts){0};
    take_self(&r->facts, t->self_at_start);
    r->vm = vm_new(r->program, &(struct vm_cfg){.seed = 1});
    for (const struct test_step *s = t->first; r->vm && s; s = s->next) t->failed = !step(r, s) || t->failed;
    vm_free(r->vm);
}

int judge_tests(struct compile *c)
{
    char err[256];
    struct test_run r = {.c = c};
    struct tests *tests = c->tests;

    if (!tests->first) return 0;
    r.program = program_load(c->pbc, c->pbc_len, err, sizeof(err));
    r.frame = malloc(TEST_FRAME_MOST);
    for (struct test *t = tests->first; r.program && r.frame && t; t = t->next) {
        run_test(&r, t);
        if (!r.vm) break;
        tests->ran++;
        tests->failed += t->failed;
    }
    free(r.frame);
    program_put(r.program);
    return tests->ran == tests->count ? 0 : -ENOMEM;
}
