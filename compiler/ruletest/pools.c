/* Read test steps about pools, servers and other destinations: `expect pool`, `expect server`, `expect original`,
 * `expect program`, `expect refused`, `expect split`, `server shop/a down`. */
#include <inttypes.h>
#include <string.h>

#include "compiler/ruletest/ruletest.h"

static uint32_t pool_of(struct compile *c, const struct node *name)
{
    const struct symbol *s = symbol_want(c, name, SYM(POOL), "pool");
    return s ? s->index : PBC_NONE;
}

static void report_no_server(struct compile *c, const struct node *name, const struct pbc_pool *pool)
{
    const char *names[64];
    size_t n = 0;
    for (uint32_t i = 0; i < pool->server_count && n < 64; i++)
        names[n++] = image_str(c->image, c->image->servers[pool->servers + i].name);
    diag(c->diags, E_NO_SUCH_NAME, name->span, "the pool `%s` has no server called `%s`",
         image_str(c->image, pool->name), name->v.str.s);
    const char *nearest = diag_nearest(name->v.str.s, names, n);
    if (nearest) diag_guess(c->diags, SPAN_NONE, "%s", nearest);
}

/* Return the server that SERVER_REF names; PBC_NONE after a report. */
static uint32_t test_server(struct compile *c, const struct node *ref)
{
    const uint32_t id = pool_of(c, ref->first);
    if (id == PBC_NONE) return PBC_NONE;
    const struct pbc_pool *pool = &c->image->pools[id];
    for (uint32_t i = pool->servers; i < pool->servers + pool->server_count; i++)
        if (str_is(ref->last->v.str, image_str(c->image, c->image->servers[i].name))) return i;
    if (!c->symbols->text_at_fault) report_no_server(c, ref->last, pool);
    return PBC_NONE;
}

bool test_pool_step(struct compile *c, struct test *t, const struct node *n)
{
    struct test_step *s = test_step_add(c, t, STEP_EXPECT, span_of(n, n->first));
    s->action = ACTION_FORWARD;
    s->asks_server = true;
    s->pool = pool_of(c, n->first);
    return test_subject_of(c, t, n->last, s);
}

bool test_server_step(struct compile *c, struct test *t, const struct node *n)
{
    struct test_step *s = test_step_add(c, t, STEP_EXPECT, span_of(n, n->first));
    s->action = ACTION_FORWARD;
    s->asks_server = true;
    s->server = test_server(c, n->first);
    if (s->server != PBC_NONE) s->pool = c->image->servers[s->server].pool;
    return test_subject_of(c, t, n->last, s);
}

bool test_original_step(struct compile *c, struct test *t, const struct node *n)
{
    struct test_step *s = test_step_add(c, t, STEP_EXPECT, n->span);
    s->action = ACTION_FORWARD;
    s->asks_server = true;
    s->goes = PBC_GOES_ORIGINAL;
    return test_subject_of(c, t, n->last, s);
}

bool test_program_step(struct compile *c, struct test *t, const struct node *n)
{
    struct test_step *s = test_step_add(c, t, STEP_EXPECT, span_of(n, n->first));
    s->action = ACTION_FORWARD;
    s->asks_server = true;
    s->goes = PBC_GOES_PROGRAM;
    s->socket = arena_strndup(c->arena, n->first->v.str.s, n->first->v.str.len);
    return test_subject_of(c, t, n->last, s);
}

bool test_refused_step(struct compile *c, struct test *t, const struct node *n)
{
    struct test_step *s = test_step_add(c, t, STEP_EXPECT, n->span);
    s->action = ACTION_FORWARD;
    s->asks_server = s->refused = true;
    return test_subject_of(c, t, n->last, s);
}

bool test_health_step(struct compile *c, struct test *t, const struct node *n)
{
    struct test_step *s = test_step_add(c, t, STEP_HEALTH, n->span);
    s->server = test_server(c, n->first);
    s->down = is_choice(n->last, CL_DOWN);
    return s->server != PBC_NONE;
}

static bool percent_of(struct compile *c, const struct node *n, uint64_t *out)
{
    const struct node_value v = value_of(c, n);
    if (v.node->kind == N_NAME)
        symbol_want(c, v.node, SYM(CONST), "constant");
    else if (v.node->kind != N_PERCENT)
        report_wrong_value(c, n, v, "a percentage");
    else if (v.node->v.i > 100)
        diag(c->diags, E_OUT_OF_RANGE, n->span, "%" PRIu64 "%% is more than 100%%", v.node->v.i);
    else
        *out = v.node->v.i;
    return v.node->kind == N_PERCENT && v.node->v.i <= 100;
}

static bool split_option(struct compile *c, struct test_step *s, const struct node *n)
{
    static const struct number_kind flows = {
        .what = "a number of flows", .range = "write at least 1", .least = 1, .most = UINT32_MAX};
    uint32_t count;
    if (is_clause(n, CL_WITHIN)) return percent_of(c, n->first, &s->percent);
    if (!number_one(c, n->first, &flows, &count)) return false;
    s->count = count;
    return true;
}

/* Return the number of servers that get flows: all but backups, or all if every one is a backup. */
static uint32_t takes_part(const struct compile *c, const struct pbc_pool *pool)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < pool->server_count; i++)
        n += !(c->image->servers[pool->servers + i].flags & PBC_SERVER_BACKUP);
    return n ? n : pool->server_count;
}

static bool split_parts(struct compile *c, struct test_step *s, const struct node *ratio)
{
    const struct pbc_pool *pool = &c->image->pools[s->pool];
    const uint32_t parts = node_count(ratio), servers = takes_part(c, pool);
    uint64_t total = 0;
    if (parts != servers) {
        diag(c->diags, E_TEST_SPLIT, ratio->span,
             "the split has %" PRIu32 " parts, but the pool `%s` has %" PRIu32 " server%s%s", parts,
             image_str(c->image, pool->name), servers, servers == 1 ? "" : "s",
             servers == pool->server_count ? "" : ", without backups");
        diag_advise(c->diags, "write one part per server, in the order of the pool");
        return false;
    }
    s->parts = arena_alloc(c->arena, parts * sizeof(*s->parts));
    node_each(part, ratio)
    {
        if (part->v.i > TEST_REPEAT_MAX) {
            diag(c->diags, E_OUT_OF_RANGE, part->span, "a part of a split is at most %d", TEST_REPEAT_MAX);
            return false;
        }
        s->parts[s->part_count++] = (uint32_t)part->v.i;
        total += part->v.i;
    }
    if (total) return true;
    diag(c->diags, E_TEST_SPLIT, ratio->span, "a split needs a part above 0");
    return false;
}

bool test_split_step(struct compile *c, struct test *t, const struct node *n)
{
    const struct node *name = n->first, *ratio = name->next;
    struct test_step *s = test_step_add(c, t, STEP_SPLIT, span_of(n, ratio));
    bool good = true;
    s->percent = 2;
    s->count = 10000;
    s->pool = pool_of(c, name);
    for (const struct node *option = ratio->next; option; option = option->next)
        good = split_option(c, s, option) && good;
    good = good && test_packets_add(c, n, s->count);
    return s->pool != PBC_NONE && good && split_parts(c, s, ratio);
}
