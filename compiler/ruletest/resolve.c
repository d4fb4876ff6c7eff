/* Resolve the tests of a rule file from tree to steps. All names and values are checked here, so that running a test
 * can't fail on them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/ruletest/ruletest.h"
#include "runtime/schedule/schedule.h"

#define SECOND_NS UINT64_C(1000000000)

struct test_step *test_step_add(struct compile *c, struct test *t, enum step_kind kind, struct span span)
{
    struct test_step *s = arena_alloc(c->arena, sizeof(*s));
    s->kind = kind;
    s->span = span;
    s->rule = RULE_NONE;
    s->pool = s->server = PBC_NONE;
    *t->end = s;
    t->end = &s->next;
    return s;
}

static int compare4(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static int compare6(const void *a, const void *b)
{
    const struct pbc_range6 *x = a, *y = b;
    if (x->lo_hi != y->lo_hi) return x->lo_hi < y->lo_hi ? -1 : 1;
    return x->lo_lo < y->lo_lo ? -1 : x->lo_lo > y->lo_lo;
}

/* The addresses that `self` lists, with room for all of them */
struct own_list {
    uint32_t *v4;
    struct pbc_range6 *v6;
    struct facts facts;
};

static void own_add(struct own_list *own, const struct addr *a)
{
    struct facts *f = &own->facts;
    uint32_t w[4], before[4];
    addr_words(a, w);
    const uint64_t hi = (uint64_t)w[0] << 32 | w[1], lo = (uint64_t)w[2] << 32 | w[3];
    const bool first = !own_address(f, a->family, before);
    if (a->family == 4) {
        if (first) f->addr4 = w[0];
        own->v4[f->self4_count++] = w[0];
    } else {
        if (first) memcpy(f->addr6, w, sizeof(w));
        own->v6[f->self6_count++] = (struct pbc_range6){hi, lo, hi, lo};
    }
}

static bool self_step(struct compile *c, struct test *t, const struct node *n)
{
    const struct node *list = n->first;
    const size_t room = node_count(list) + 1;
    struct own_list own = {.v4 = arena_alloc(c->arena, room * sizeof(*own.v4)),
                           .v6 = arena_alloc(c->arena, room * sizeof(*own.v6))};
    if (list->flags & NF_NOT) {
        diag(c->diags, E_WRONG_VALUE, list->span, "after `self`, list this machine's addresses, without `not`");
        return false;
    }
    node_each(a, list)
    {
        const struct node_value v = value_of(c, a);
        if (v.node->kind == N_NAME) {
            symbol_want(c, v.node, SYM(CONST), "constant");
            return false;
        }
        if (v.node->kind != N_ADDR) {
            report_wrong_value(c, a, v, "an address of this machine");
            return false;
        }
        own_add(&own, &v.node->v.addr);
    }
    struct facts *f = &own.facts;
    qsort(own.v4, f->self4_count, sizeof(*own.v4), compare4);
    qsort(own.v6, f->self6_count, sizeof(*own.v6), compare6);
    f->self4 = own.v4;
    f->self6 = own.v6;
    t->self = memcpy(arena_alloc(c->arena, sizeof(*f)), f, sizeof(*f));
    t->self_written = true;
    test_step_add(c, t, STEP_SELF, n->span)->self = t->self;
    return true;
}

/* Read `route 10.0.0.0/8 lan`. The last route for a prefix counts. */
static bool route_step(struct compile *c, struct test *t, const struct node *n)
{
    const struct node_value v = value_of(c, n->first);
    struct test_step *s = test_step_add(c, t, STEP_ROUTE, n->span);
    struct route *route = arena_alloc(c->arena, sizeof(*route));
    struct addr lo, hi;
    const char *device = device_known(c, c->image, n->last);
    if (device) s->device = arena_strndup(c->arena, device, strlen(device));
    s->route = route;
    if (v.node->kind == N_NAME) {
        symbol_want(c, v.node, SYM(CONST), "constant");
        return false;
    }
    if (v.node->kind != N_ADDR && v.node->kind != N_PREFIX) {
        report_wrong_value(c, n->first, v, "an address or a prefix, such as 10.0.0.0/8");
        return false;
    }
    if (!address_ends(c, v.node, &lo, &hi)) return false;
    addr_words(&lo, route->to);
    route->family = lo.family;
    route->bits = v.node->kind == N_PREFIX ? v.node->v.prefix.len : lo.family == 4 ? 32 : 128;
    return s->device;
}

bool test_packets_add(struct compile *c, const struct node *n, uint64_t count)
{
    if (count > TEST_REPEAT_MAX) {
        diag(c->diags, E_TEST_BOUND, n->span, "%" PRIu64 " packets are too many: a step of a test sends at most %d",
             count, TEST_REPEAT_MAX);
        return false;
    }
    c->tests->packets += count;
    if (c->tests->packets <= TEST_PACKETS_MAX) return true;
    diag(c->diags, E_TEST_BOUND, n->span, "the tests of a file send at most %d packets in total", TEST_PACKETS_MAX);
    c->tests->packets -= count;
    return false;
}

static bool time_add(struct compile *c, struct test *t, const struct node *at, uint64_t ns)
{
    const uint64_t most = (uint64_t)TEST_DAYS_MAX * 24 * 3600 * SECOND_NS;
    if (ns <= most && t->ns + ns <= most) {
        t->ns += ns;
        return true;
    }
    diag(c->diags, E_TEST_BOUND, at->span, "a test spans at most %d days", TEST_DAYS_MAX);
    return false;
}

bool test_duration_of(struct compile *c, const struct node *n, uint64_t *ns)
{
    const struct node_value v = value_of(c, n);
    if (v.node->kind == N_NAME) {
        symbol_want(c, v.node, SYM(CONST), "constant");
        return false;
    }
    if (v.node->kind != N_DURATION) {
        report_wrong_value(c, n, v, "a duration, such as 10s");
        return false;
    }
    *ns = v.node->v.i;
    return true;
}

static bool after_step(struct compile *c, struct test *t, const struct node *n)
{
    struct test_step *s = test_step_add(c, t, STEP_AFTER, n->span);
    return test_duration_of(c, n->first, &s->ns) && time_add(c, t, n->first, s->ns);
}

/* Read `at mon 09:00`: the next moment at which wall clocks show this time, in every zone. `at 2026-12-24 09:00`: the
 * next such time of the week; from then on the calendar shows that date. */
static bool at_step(struct compile *c, struct test *t, const struct node *n)
{
    const struct node *day = n->first->kind == N_NAME ? n->first : NULL;
    struct test_step *s = test_step_add(c, t, STEP_AT, span_of(n, n->last));
    s->dated = n->first->kind == N_DATE;
    s->date = s->dated ? (uint32_t)n->first->v.i : 0;
    s->day = s->dated ? (int)date_weekday(s->date) : day ? weekday_of(c, day, day->v.str.s, day->v.str.len) : -1;
    s->ns = n->last->v.i * 60 * SECOND_NS;
    return (!day || s->day >= 0) && time_add(c, t, n, 7 * 24 * 3600 * SECOND_NS);
}

static bool repeat_step(struct compile *c, struct test *t, const struct node *n)
{
    static const struct number_kind times = {
        .what = "a number of packets", .range = "write at least 1", .least = 1, .most = UINT32_MAX};
    const struct node *within = n->first->next->kind == N_CLAUSE ? n->first->next : NULL;
    struct test_step *s = test_step_add(c, t, STEP_REPEAT, n->span);
    uint32_t count;
    if (!number_one(c, n->first, &times, &count) || !test_packets_add(c, n->first, count)) return false;
    s->count = count;
    if (within && (!test_duration_of(c, within->first, &s->ns) || !time_add(c, t, within->first, s->ns))) return false;
    s->packet = test_packet_of(c, n->last, t->self, true, NULL);
    return s->packet != NULL;
}

static bool replay_step(struct compile *c, struct test *t, const struct node *n)
{
    const struct node *path = n->first, *fate = path->next, *share = fate->next;
    struct test_step *s = test_step_add(c, t, STEP_REPLAY, span_of(n, share));
    s->path_span = path->span;
    s->path = path_beside(c, path->span, path->v.str);
    s->action = (uint8_t)test_action_of(fate);
    s->all = share->kind != N_PERCENT;
    s->count = s->all ? 100 : share->v.i;
    if (s->count <= 100) return true;
    diag(c->diags, E_OUT_OF_RANGE, share->span, "%" PRIu64 "%% is more than 100%%", s->count);
    return false;
}

static bool (*const steps[CL_COUNT])(struct compile *, struct test *, const struct node *) = {
    [CL_EXPECT] = test_expect_step,
    [CL_REPEAT] = repeat_step,
    [CL_AFTER] = after_step,
    [CL_LIVE] = test_live_step,
    [CL_SELF] = self_step,
    [CL_ROUTE] = route_step,
    [CL_REPLAY] = replay_step,
    [CL_AT] = at_step,
    [CL_SERVER] = test_health_step,
    [CL_EXPECT_POOL] = test_pool_step,
    [CL_EXPECT_ORIGINAL] = test_original_step,
    [CL_EXPECT_PROGRAM] = test_program_step,
    [CL_EXPECT_REFUSED] = test_refused_step,
    [CL_EXPECT_SERVER] = test_server_step,
    [CL_EXPECT_SPLIT] = test_split_step,
    [CL_EXPECT_MIRRORED] = test_mirrored_step,
    [CL_EXPECT_NOT_MIRRORED] = test_mirrored_step,
    [CL_NEVER] = test_claim_step,
    [CL_ALWAYS] = test_claim_step,
    [CL_REPLY] = test_reply_step,
};

static bool expects_something(const struct node *test)
{
    for (const struct node *n = test->first->next; n; n = n->next) {
        switch (clause_of(n)) {
        case CL_REPEAT:
        case CL_AFTER:
        case CL_LIVE:
        case CL_SELF:
        case CL_ROUTE:
        case CL_AT:
        case CL_SERVER: break;
        default: return true;
        }
    }
    return false;
}

static void resolve_test(struct compile *c, const struct node *n)
{
    struct test *t = arena_alloc(c->arena, sizeof(*t));
    symbol_declare(c, SYM_TEST, n, n->first);
    t->name = n->first->v.str;
    t->span = n->first->span;
    t->end = &t->first;
    t->self = t->self_at_start = own_default();
    *c->tests->end = t;
    c->tests->end = &t->next;
    c->tests->count++;
    for (const struct node *step = n->first->next; step; step = step->next) steps[clause_of(step)](c, t, step);
    if (!c->symbols->text_at_fault && !expects_something(n))
        diag(c->diags, W_TEST_EMPTY, t->span, "the test expects nothing, so it always passes");
}

static void resolve_file(struct compile *c, const struct node *file)
{
    node_each(n, file)
    {
        if (n->kind == N_INCLUDE)
            node_each(part, n) resolve_file(c, part);
        else if (n->kind == N_TEST)
            resolve_test(c, n);
    }
}

void resolve_tests(struct compile *c)
{
    c->tests = arena_alloc(c->arena, sizeof(*c->tests));
    c->tests->end = &c->tests->first;
    resolve_file(c, c->tree);
}
