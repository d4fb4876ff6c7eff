/* Guard rules for a replaced program stay for its longest `drain` and five minutes, and longer while flows use its
 * parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/compiler.h"
#include "runtime/live/carry/lingering.h"
#include "vm/program/program.h"

#define S UINT64_C(1000000000)
#define BOTH                                                                                                           \
    "interface wan = \"eth0\"\n"                                                                                       \
    "pool web { drain 10s; server a 10.2.0.2:80 }\n"                                                                   \
    "service shop on 10.1.0.100 tcp/80 { mode passthrough keep source; -> web }\n"                                     \
    "nat home { masquerade from 10.3.0.0/24 out on wan }\n"
#define NEITHER "firewall f default accept { }\n"

static struct program *compiled(const char *rules)
{
    struct compile c;
    char err[300];
    compile_init(&c);
    assert_int_equal(compile_text(&c, "rules", rules, strlen(rules)), 0);
    struct program *p = program_load(c.pbc, c.pbc_len, err, sizeof err);
    assert_non_null(p);
    compile_fini(&c);
    return p;
}

/* Return the state after a program replaced the other at 100 s. */
static struct lingering replaced(const char *before, const char *now)
{
    const bool of[LINGERS] = {true, true, true};
    const struct lingering none = {0};
    struct lingering next;
    struct program *b = compiled(before), *n = compiled(now);
    assert_true(lingering_after(&none, n, b, of, NULL, 100 * S, &next));
    program_put(b);
    program_put(n);
    return next;
}

static unsigned of_nat(const struct lingering *l)
{
    unsigned n = 0;
    for (unsigned i = 0; i < l->count; i++) n += l->of[i] != LINGERS_OF_SERVICE;
    return n;
}

static void for_its_time(void **state)
{
    (void)state;
    const struct lingering_used none = {0};
    struct lingering l = replaced(BOTH, NEITHER);
    assert_in_range(of_nat(&l), 1, l.count - 1);
    assert_false(lingering_due(&l, 410 * S - 1)); /* 100 s, 10 s of `drain`, 300 s */
    assert_false(lingering_end(&l, &none, 410 * S - 1));
    assert_true(lingering_due(&l, 410 * S));
    assert_true(lingering_end(&l, &none, 410 * S));
    assert_int_equal(l.count, 0);
    assert_false(lingering_due(&l, UINT64_MAX));
    lingering_fini(&l);
}

static void as_long_as_it_is_used(void **state)
{
    (void)state;
    const struct lingering_used nats = {.nats = true}, services = {.services = true}, none = {0};
    struct lingering l = replaced(BOTH, NEITHER);
    const unsigned count = of_nat(&l);
    assert_true(lingering_end(&l, &nats, 410 * S)); /* the service's */
    assert_int_equal(l.count, count);
    assert_int_equal(of_nat(&l), count);
    assert_true(l.whole_ns[LINGERS_ROUTED] && l.whole_ns[LINGERS_TRANSLATED]);
    assert_false(lingering_due(&l, 710 * S - 1));
    assert_false(lingering_end(&l, &nats, 710 * S));
    assert_true(lingering_end(&l, &services, 1010 * S));
    assert_int_equal(l.count, 0);
    assert_false(l.whole_ns[LINGERS_ROUTED] || l.whole_ns[LINGERS_TRANSLATED]);
    lingering_fini(&l);
    l = replaced(BOTH, NEITHER);
    assert_true(lingering_end(&l, &services, 410 * S));
    assert_int_equal(of_nat(&l), 0);
    assert_true(l.count > 0 && lingering_end(&l, &none, 710 * S));
    lingering_fini(&l);
}

/* Parts that the new program still has don't linger. */
static void what_stays_does_not(void **state)
{
    (void)state;
    struct lingering l = replaced(BOTH, BOTH);
    assert_int_equal(l.count, 0);
    lingering_fini(&l);
}

/* Replies of a proxy's server (GUARD_ANSWERS) don't linger, because the rules for the host judge them. */
static void what_was_left_out_does_not(void **state)
{
    (void)state;
    struct lingering l = replaced("pool web { server a 10.2.0.2:80 }\n"
                                  "service shop on 10.1.0.100 tcp/80 { mode proxy; -> web }\n",
                                  NEITHER);
    assert_int_equal(l.count, 1); /* the endpoint */
    assert_int_equal(l.matches[0].proxied, GUARD_OPENERS);
    lingering_fini(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(for_its_time),
        cmocka_unit_test(as_long_as_it_is_used),
        cmocka_unit_test(what_stays_does_not),
        cmocka_unit_test(what_was_left_out_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
