/* State that survives from one program to the next. Meters that are equal in every way do, by their names, or
 * without names by their places, in any order; limits that need a restart are reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/compiler.h"
#include "vm/program/program.h"
#include "vm/program/remap.h"

enum { MANY = 1000 };

static struct program *compiled(const char *text)
{
    struct compile c;
    char err[256];

    compile_init(&c);
    c.doubts = 0;
    assert_int_equal(compile_text(&c, "m.prey", text, strlen(text)), 0);
    struct program *p = program_load(c.pbc, c.pbc_len, err, sizeof(err));
    compile_fini(&c);
    assert_non_null(p);
    return p;
}

static uint32_t named(const struct program *p, const char *name)
{
    for (uint32_t i = 0; i < p->meters_count; i++)
        if (!strcmp(program_str(p, p->meters[i].name), name)) return i;
    fail_msg("no meter is called %s", name);
    return PBC_NONE;
}

/* Return the meter of `from` that the one with that name continues; "": none. */
static const char *goes_on(const struct program *from, const struct program *to, const struct remap *r,
                           const char *name)
{
    const uint32_t at = r->meter[named(to, name)];

    return at == PBC_NONE ? "" : program_str(from, from->meters[at].name);
}

static void same_ones_go_on(void **state)
{
    struct program *from = compiled("meter a = 10/s per source\nmeter b = 10/s per source\nmeter c = 5/s\n"
                                    "meter e = 5/s per source/24,/64\n"
                                    "firewall f default accept { drop over a; drop over b; drop over c; drop over e }");
    struct program *to =
        compiled("meter d = 10/s per source\nmeter c = 5/s\nmeter b = 10/s per source\n"
                 "meter a = 11/s per source\nmeter e = 5/s per source/23,/64\n"
                 "firewall f default accept { drop over a; drop over b; drop over c; drop over d; drop over e }");
    struct remap *r = remap_new(from, to, NULL, 0, NULL, 0);

    (void)state;
    assert_non_null(r);
    assert_string_equal(goes_on(from, to, r, "b"), "b");
    assert_string_equal(goes_on(from, to, r, "c"), "c");
    assert_string_equal(goes_on(from, to, r, "a"), ""); /* another rate */
    assert_string_equal(goes_on(from, to, r, "d"), ""); /* another name */
    assert_string_equal(goes_on(from, to, r, "e"), "");
    remap_free(r);
    program_put(from);
    program_put(to);
}

/* `log 6/m` has a meter without a name. */
static void places_stand_for_names(void **state)
{
    struct program *from = compiled("firewall f default accept {\n drop tcp log 6/m\n drop udp log 6/m\n}");
    struct program *to = compiled("firewall f default accept {\n drop tcp log 6/m\n drop icmp\n drop udp log 6/m\n}");
    struct remap *r = remap_new(from, to, NULL, 0, NULL, 0);

    (void)state;
    assert_int_equal(from->meters_count, 2);
    assert_int_equal(to->meters_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        const uint32_t line = to->meters[i].place.line, at = r->meter[i];
        if (line == 2)
            assert_int_equal(from->meters[at].place.line, 2);
        else
            assert_int_equal(at, PBC_NONE);
    }
    remap_free(r);
    program_put(from);
    program_put(to);
}

static void many_in_another_order(void **state)
{
    char *text[2];
    size_t len[2];
    struct program *p[2];

    (void)state;
    for (unsigned s = 0; s < 2; s++) {
        FILE *out = open_memstream(&text[s], &len[s]);
        for (unsigned i = 0; i < MANY; i++) {
            const unsigned k = s ? MANY - 1 - i : i;
            fprintf(out, "meter m%u = %u/s\n", k, 1 + k % 7 + (s && k % 3 == 0));
        }
        fputs("firewall f default accept {\n", out);
        for (unsigned i = 0; i < MANY; i++) fprintf(out, " count over m%u\n", i);
        fputs("}\n", out);
        fclose(out);
        p[s] = compiled(text[s]);
        free(text[s]);
    }
    struct remap *r = remap_new(p[0], p[1], NULL, 0, NULL, 0);
    for (uint32_t i = 0; i < p[1]->meters_count; i++) {
        const char *name = program_str(p[1], p[1]->meters[i].name);
        if (atoi(name + 1) % 3 == 0)
            assert_int_equal(r->meter[i], PBC_NONE);
        else
            assert_string_equal(program_str(p[0], p[0]->meters[r->meter[i]].name), name);
    }
    remap_free(r);
    for (unsigned s = 0; s < 2; s++) program_put(p[s]);
}

static bool waits(const char *limit)
{
    char text[100];
    struct program *from = compiled("limits { rejects 1/s }\nfirewall f default accept {}");
    snprintf(text, sizeof text, "limits { %s }\nfirewall f default accept {}", limit);
    struct program *to = compiled(text);
    struct remap *r = remap_new(from, to, NULL, 0, NULL, 0);
    const bool told = r->limits;
    remap_free(r);
    program_put(from);
    program_put(to);
    return told;
}

static void tells_of_limits_that_wait(void **state)
{
    static const char *const wait[] = {"flows 70_000", "half_open 3000",   "fragments 300",
                                       "macs 3000",    "first_bytes 2KiB", "proxy_sessions 3000"};
    (void)state;
    for (size_t i = 0; i < sizeof wait / sizeof *wait; i++) assert_true(waits(wait[i]));
    assert_false(waits("rejects 2/s"));
    assert_false(waits("routes 3000"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_ones_go_on), cmocka_unit_test(places_stand_for_names),
                                       cmocka_unit_test(many_in_another_order),
                                       cmocka_unit_test(tells_of_limits_that_wait)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
