/* The figures of --stats are those of the compiled program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/compiler/back.h"

/* Return the number behind a line's words, or UINT64_MAX without such a line. */
static uint64_t figure(const char *text, const char *words)
{
    char line[64];
    const char *at;

    snprintf(line, sizeof(line), "\n  %s  ", words);
    at = strstr(text, line);
    if (!at) return UINT64_MAX;
    uint64_t n = 0;
    for (at += strspn(at + strlen(line), " ") + strlen(line); (*at >= '0' && *at <= '9') || *at == ','; at++)
        if (*at != ',') n = n * 10 + (uint64_t)(*at - '0');
    return n;
}

static void figures(void **state)
{
    struct compile c;
    char *text = NULL;
    size_t len = 0;
    uint64_t sections = 0;

    assert_int_equal(
        compile_rules(&c, "chain c { return; drop tcp }\nset s = 10.0.0.0/8, 192.0.2.1, 2001:db8::1\n"
                          "firewall f default accept {\n do c\n drop from s to port 1, 3, 5, 7, 9, 11, 13\n"
                          " drop tcp to port 22\n drop tcp to port 22\n drop tcp to port 1 fragment later\n}\n"),
        0);
    FILE *f = open_memstream(&text, &len);
    stats_print(&c, f, false);
    fclose(f);
    assert_int_equal(figure(text, "firewalls"), 1);
    assert_int_equal(figure(text, "chains"), 1);
    assert_int_equal(figure(text, "rules"), 7);
    assert_int_equal(figure(text, "  that never match"), 1);
    assert_int_equal(figure(text, "  covered by others"), 2);
    assert_int_equal(figure(text, "  given up"), 0);
    assert_int_equal(figure(text, "address sets"), c.image->sets_count);
    assert_int_equal(figure(text, "instructions"), c.image->code_count);
    assert_int_equal(figure(text, "functions"), c.image->funcs_count);
    assert_int_equal(figure(text, "maps of numbers"), 1);
    assert_non_null(strstr(text, "\n  f: straight code, 3 rules, in the dispatch\n"));
    assert_int_equal(figure(text, "longest path"), c.image->meta->longest_path);
#define X(ident, field, type, most) sections += (uint64_t)c.image->field##_count * sizeof(type);
    PBC_SECTIONS(X)
#undef X
    assert_int_equal(figure(text, "in all"), c.pbc_len);
    assert_true(c.pbc_len >= sections);
    assert_true(figure(text, "peak memory") > 0 && figure(text, "peak memory") != UINT64_MAX);
    compile_fini(&c);
    free(text);
    (void)state;
}

static void meters_and_settings(void **state)
{
    struct compile c;
    char *text = NULL;
    size_t len = 0;

    assert_int_equal(
        compile_rules(&c, "meter a = 1/s per source entries 100\nmeter b = 1/s per flow entries 100\nmeter c = 1/s\n"
                          "schedule s = mon\nlimits { flows 5000 }\ntimeouts { udp 1500ms }\n"
                          "firewall f default accept { drop udp over a over b over c during s log 1/s }\n"),
        0);
    FILE *f = open_memstream(&text, &len);
    stats_print(&c, f, false);
    fclose(f);
    assert_int_equal(figure(text, "meters"), 4);
    assert_int_equal(figure(text, "  memory"), 256 * (33 + 65));
    assert_int_equal(figure(text, "schedules"), 1);
    assert_int_equal(figure(text, "flows"), 5000);
    assert_int_equal(figure(text, "udp"), 1500);
    assert_int_equal(figure(text, "tcp half_open"), 60000);
    assert_int_equal(figure(text, "maglev"), 65537);
    compile_fini(&c);
    free(text);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(figures), cmocka_unit_test(meters_and_settings)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
