/* Tests of a rule file, run: each in a fresh state of the finished program, its steps in order, its clock its own. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/ruletest/test_priv.h"
#include "runtime/schedule/schedule.h"

/* Every test begins at the same moment, so that it gives the same answer whenever it runs: Monday 2026-01-05, 00:00
 * UTC. */
#define BEGIN_NS  (UINT64_C(1767571200) * 1000000000)

#define MINUTE_NS (UINT64_C(60) * 1000000000)
#define DAY_NS    (24 * 60 * MINUTE_NS)
#define WEEK_NS   (7 * DAY_NS)

static void take_self(struct test_run *r, const struct test_self *self)
{
    r->self = self;
    r->facts.self4 = self->v4;
    r->facts.self4_count = self->count4;
    r->facts.self6 = self->v6;
    r->facts.self6_count = self->count6;
    r->facts.generation++;
}

unsigned test_wall(const struct test_run *r)
{
    return (unsigned)((r->week_ns + r->now_ns - r->began_ns) % WEEK_NS / MINUTE_NS);
}

void test_clock(struct test_run *r, uint64_t now_ns)
{
    r->now_ns = now_ns;
    if (!r->program->schedules_count) return;
    const unsigned minute = test_wall(r);
    r->facts.schedules = schedules_on(r->program, minute / (24 * 60), minute % (24 * 60));
}

void test_build(const struct test_run *r, const struct test_packet *packet, struct pkt *pkt)
{
    const uint32_t len = test_frame_build(packet, r->frame);

    pkt_view(pkt, r->frame, len, len, LINK_ETHER, packet->iface);
}

void test_judge(struct test_run *r, struct pkt *pkt, struct verdict *v)
{
    const struct vm_in in = {.mono_ns = r->now_ns, .facts = &r->facts};
    struct vm_tx tx = {0};

    vm_run(r->vm, &in, &pkt, 1, v, &tx);
}

void test_parse(const struct test_run *r, struct pkt *pkt, struct key *key)
{
    pkt_parse(pkt, &r->facts, key);
    if (pkt->reason == REASON_NONE) key_settle(r->program, key);
}

bool test_holds(const struct test_run *r, const struct test_step *s, const struct verdict *v)
{
    const struct program *p = r->program;
    const bool forwarded = s->action == ACTION_ACCEPT && v->action == ACTION_FORWARD;

    if (v->action != s->action && !forwarded) return false;
    if (s->pool != PBC_NONE && (v->server >= p->servers_count || p->servers[v->server].pool != s->pool)) return false;
    if (s->server != PBC_NONE && v->server != s->server) return false;
    return s->rule == RULE_NONE || s->rule == v->rule;
}

static bool expect(struct test_run *r, const struct test_step *s)
{
    const bool early = r->program->meters_count; /* judging takes tokens: look before */
    struct test_search search;
    struct pkt pkt;
    struct verdict v;

    test_build(r, s->packet, &pkt);
    if (early) test_search(r, s, &pkt, &search);
    test_judge(r, &pkt, &v);
    if (test_holds(r, s, &v)) return true;
    if (!early) test_search(r, s, &pkt, &search);
    test_report(r, s, &v, &search);
    return false;
}

/* Evenly over the time, the first packet at its beginning and the last at its end: what follows meets the flood. */
static void repeat(struct test_run *r, const struct test_step *s)
{
    const uint64_t began = r->now_ns, gaps = s->count > 1 ? s->count - 1 : 1;
    struct pkt pkt;
    struct verdict v;

    test_build(r, s->packet, &pkt);
    for (uint64_t i = 0; i < s->count; i++) {
        test_clock(r, began + (uint64_t)((unsigned __int128)s->ns * i / gaps));
        test_judge(r, &pkt, &v);
    }
    test_clock(r, began + s->ns);
}

/* Time never runs back: the next moment of the week that is so. */
static void at(struct test_run *r, const struct test_step *s)
{
    const uint64_t period = s->day < 0 ? DAY_NS : WEEK_NS, wall = (r->week_ns + r->now_ns - r->began_ns) % period;
    const uint64_t wanted = ((s->day < 0 ? 0 : (uint64_t)s->day * DAY_NS) + s->ns) % period;

    test_clock(r, r->now_ns + (wanted + period - wall) % period);
}

static void health(struct test_run *r, const struct test_step *s)
{
    r->down[s->server] = s->down;
    r->facts.down = r->down;
    r->facts.generation++;
}

/* False when the step failed. A test goes on after a failure: every wrong expectation is told in one run. */
static bool step(struct test_run *r, const struct test_step *s)
{
    switch (s->kind) {
    case STEP_EXPECT: return expect(r, s);
    case STEP_SPLIT: return test_split(r, s);
    case STEP_REPLAY: return test_replay(r, s);
    case STEP_REPEAT: repeat(r, s); break;
    case STEP_AFTER: test_clock(r, r->now_ns + s->ns); break;
    case STEP_AT: at(r, s); break;
    case STEP_SELF: take_self(r, s->self); break;
    case STEP_HEALTH: health(r, s); break;
    }
    return true;
}

static void run_test(struct test_run *r, struct test *t)
{
    r->test = t;
    r->began_ns = BEGIN_NS;
    r->week_ns = 0;
    r->facts = (struct facts){0};
    memset(r->down, 0, r->program->servers_count);
    take_self(r, t->self_at_start);
    test_clock(r, BEGIN_NS);
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
    r.down = r.program ? malloc(r.program->servers_count + 1) : NULL;
    for (struct test *t = tests->first; r.down && r.frame && t; t = t->next) {
        run_test(&r, t);
        if (!r.vm) break;
        tests->ran++;
        tests->failed += t->failed;
    }
    free(r.down);
    free(r.frame);
    program_put(r.program);
    return tests->ran == tests->count ? 0 : -ENOMEM;
}
