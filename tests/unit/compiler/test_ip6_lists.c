/* IPv6 lists from ruleset_make: the image keeps the limits (compiler/classify/README.md), passes the verifier, and
 * finds the same as a linear scan of the rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "compiler/classify/tree/builder.h"
#include "tests/lib/imgbuild.h"
#include "tests/lib/ruleset.h"
#include "vm/judge/classify/classify.h"
#include "vm/judge/effects.h"

enum { LINES = 64, BYTES = 400, BYTES_FEW = 1 << 20, HEADERS = 200, ROOM = 64 << 20 };

static struct program *load(const struct built *m, uint32_t entries)
{
    struct imgbuild b;
    char err[256] = "";
    bool *coded = calloc(entries, sizeof *coded);
    assert_non_null(coded);
    img_init(&b);
    img_list(&b, entries, coded);
    free(coded);
    for (uint32_t i = 0; i < m->format_count; i++) img_add_formats(&b, m->formats[i]);
    for (uint32_t i = 0; i < m->tree_count; i++) img_add_tree(&b, m->tree[i]);
    for (uint32_t i = 0; i < m->block_count; i++) img_add_blocks(&b, m->blocks[i]);
    for (uint32_t i = 0; i < m->rank_count; i++) img_add_ranks(&b, m->ranks[i]);
    struct pbc_classifier *const c = b.classifiers;
    c->rank_count = m->rank_count, c->climbed = m->climbed;
    c->format_count = m->format_count, c->tree_count = m->tree_count, c->block_count = m->block_count;
    c->words = m->words, c->compared = m->compared, c->forks = m->forks, c->chain = m->chain;
    struct program *const p = img_load(&b, err, sizeof err);
    if (!p) fail_msg("%s", err);
    img_fini(&b);
    return p;
}

static void compare(const struct program *p, const struct ruleset *rs, struct headers *h)
{
    for (uint32_t i = 0; i < h->count; i++) {
        struct key key;
        header_key(rs, &h->v[i], &key);
        assert_int_equal(classify_one(p, 0, &key, 0), ruleset_first(rs, &h->v[i]));
    }
    headers_fini(h);
}

static struct built built_of(enum ruleset_kind kind, uint32_t rules)
{
    const struct build_limits limits = {.bytes = ROOM, .workers = 1};
    struct ruleset rs;
    struct boxes b;
    struct built m;
    struct headers h;
    ruleset_make(&rs, kind, true, rules, 7);
    assert_true(ruleset_boxes(&rs, &b));
    assert_int_equal(classifier_build(&b, NULL, header_possible, &limits, &m), BUILD_OK);
    assert_true(m.lines <= LINES);
    assert_true(built_bytes(&m) <= BYTES_FEW || built_bytes(&m) <= (uint64_t)BYTES * rules);
    struct program *p = load(&m, rules);
    headers_trace(&h, &rs, HEADERS, 1);
    compare(p, &rs, &h);
    headers_mutated(&h, &rs, HEADERS, 2);
    compare(p, &rs, &h);
    program_put(p);
    boxes_fini(&b);
    ruleset_fini(&rs);
    return m;
}

static void keep_the_bounds(void **state)
{
    static const enum ruleset_kind kinds[] = {RULES_ACL, RULES_FW, RULES_IPC, RULES_PAIRS};
    static const uint32_t rules[] = {300, 1500, 3000, 12000};
    (void)state;
    for (unsigned k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (unsigned i = 0; i < sizeof rules / sizeof *rules; i++) {
            struct built m = built_of(kinds[k], rules[i]);
            built_fini(&m);
        }
}

/* Prefixes that nothing divides take two bounds in one item: a line for seven of them, and one for their lower halves.
 */
static void long_lists_are_small(void **state)
{
    enum { RULES = 60000, A_RULE = 160 };
    (void)state;
    struct built m = built_of(RULES_PAIRS, RULES);
    assert_true(m.rank_count * sizeof *m.ranks < (uint64_t)RULES * 2 * 24);
    assert_true(built_bytes(&m) < (uint64_t)RULES * A_RULE);
    built_fini(&m);
    m = built_of(RULES_FW, RULES);
    assert_true(built_bytes(&m) < (uint64_t)RULES * A_RULE);
    built_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keep_the_bounds), cmocka_unit_test(long_lists_are_small)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
