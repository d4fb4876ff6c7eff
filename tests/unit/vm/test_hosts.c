/* Host names: valid ones, their order, and lists of them against a plain test of every entry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/imgbuild.h"
#include "vm/program/program.h"

#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static uint64_t rng(uint64_t *state) /* xorshift64, Marsaglia 2003 */
{
    *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
    return *state;
}

static void names_have_one_normal_form(void **state)
{
    static const struct {
        const char *written, *normal;
    } good[] = {
        {"example.com", "example.com"},
        {"EXAMPLE.Com.", "example.com"},
        {"localhost", "localhost"},
        {"3com.com", "3com.com"},
        {"1.2.3.4.example", "1.2.3.4.example"},
        {"xn--mller-kva.example", "xn--mller-kva.example"},
        {"a--b.c", "a--b.c"},
        {"*.Example.com", "*.example.com"},
        {"*.com", "*.com"},
        {L63 ".b", L63 ".b"},
        {L63 "." L63 "." L63 "."
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         L63 "." L63 "." L63 "."
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}, /* 253 */
    };
    char normal[HOST_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(host_normal(good[i].written, strlen(good[i].written), normal), HOST_GOOD);
        assert_string_equal(normal, good[i].normal);
    }
}

static void what_is_no_name_is_told(void **state)
{
    static const struct {
        const char *written;
        enum host_fault fault;
    } bad[] = {
        {"", HOST_EMPTY},
        {".", HOST_LABEL_EMPTY},
        {"a..b", HOST_LABEL_EMPTY},
        {".a", HOST_LABEL_EMPTY},
        {"a..", HOST_LABEL_EMPTY},
        {"*.", HOST_STAR},
        {"*", HOST_STAR},
        {"*.*.a", HOST_STAR},
        {"a.*.b", HOST_STAR},
        {"w*.b", HOST_STAR},
        {"*a.b", HOST_STAR},
        {"*..b", HOST_LABEL_EMPTY},
        {"-a.b", HOST_HYPHEN},
        {"a-.b", HOST_HYPHEN},
        {"a.-", HOST_HYPHEN},
        {"a_b.c", HOST_CHARACTER},
        {"a b", HOST_CHARACTER},
        {"a:80", HOST_CHARACTER},
        {"m\xc3\xbcller.example", HOST_NOT_ASCII},
        {"10.0.0.1", HOST_NUMBER},
        {"a.1", HOST_NUMBER},
        {"*.1", HOST_NUMBER},
        {"7", HOST_NUMBER},
        {L63 "a.b", HOST_LABEL_LONG},
        {L63 "." L63 "." L63 "." L63 "."
             "a",
         HOST_LONG},
    };
    char normal[HOST_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (host_normal(bad[i].written, strlen(bad[i].written), normal) != bad[i].fault)
            fail_msg("%s: not fault %d", bad[i].written, bad[i].fault);
    assert_int_equal(host_normal("a\0b", 3, normal), HOST_CHARACTER);
}

static void globs_cover_whole_labels(void **state)
{
    (void)state;
    assert_true(host_covers("*.a.b", "x.a.b"));
    assert_true(host_covers("*.a.b", "x.y.a.b"));
    assert_true(host_covers("*.a.b", "*.x.a.b"));
    assert_true(host_covers("*.b", "*.a.b"));
    assert_false(host_covers("*.a.b", "a.b"));
    assert_false(host_covers("*.a.b", "*.a.b"));
    assert_false(host_covers("*.a.b", "xa.b"));
    assert_false(host_covers("*.a.b", "*.b"));
    assert_false(host_covers("a.b", "a.b"));
    assert_false(host_covers("a.b", "x.a.b"));
}

static void names_stand_behind_what_they_end_in(void **state)
{
    static const char *const ascending[] = {
        "org",     "com",       "*.com",   "a.com",  "*.a.com", "-.a.com", "0.a.com",
        "b.a.com", "b.b.a.com", "a-a.com", "ba.com", "b.com",   "dcom",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(ascending) / sizeof(ascending[0]); i++)
        for (size_t k = 0; k < sizeof(ascending) / sizeof(ascending[0]); k++) {
            const int d = host_compare(ascending[i], ascending[k]);

            if ((d < 0) != (i < k) || (d > 0) != (i > k)) fail_msg("%s and %s: %d", ascending[i], ascending[k], d);
        }
}

static int by_order(const void *a, const void *b)
{
    return host_compare(*(const char *const *)a, *(const char *const *)b);
}

enum { NAMES = 60, TEXT = 40 };

/* Draw few labels of few letters, so that names are equal, end in one another or match globs. */
static void draw_name(char out[TEXT], bool globs, uint64_t *seed)
{
    const unsigned labels = 1 + (unsigned)(rng(seed) % 4);

    out[0] = '\0';
    if (globs && rng(seed) % 3 == 0) strcat(out, "*.");
    for (unsigned i = 0; i < labels; i++) {
        static const char *const some[] = {"a", "b", "ab", "ba", "a-b", "aa"};

        if (i) strcat(out, ".");
        strcat(out, some[rng(seed) % 6]);
    }
}

/* Draw a list in the compiler's form: sorted, nothing repeated or covered. Returns the number. */
static unsigned draw_list(char text[NAMES][TEXT], const char *list[NAMES], uint64_t *seed)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < NAMES; i++) {
        draw_name(text[i], true, seed);
        list[i] = text[i];
    }
    qsort(list, NAMES, sizeof(*list), by_order);
    for (unsigned i = 0; i < NAMES; i++)
        if (!kept || (strcmp(list[kept - 1], list[i]) != 0 && !host_covers(list[kept - 1], list[i])))
            list[kept++] = list[i];
    return kept;
}

static bool plain_match(char text[NAMES][TEXT], const char *host)
{
    for (unsigned i = 0; i < NAMES; i++) {
        const char *tail = text[i][0] == '*' ? text[i] + 1 : NULL;
        const size_t n = strlen(host), t = tail ? strlen(tail) : 0;

        if (tail ? n > t && strcmp(host + n - t, tail) == 0 : strcmp(host, text[i]) == 0) return true;
    }
    return false;
}

static struct program *program_of(const char *list[], unsigned n)
{
    struct imgbuild b;
    char err[256] = "";

    img_init(&b);
    for (unsigned i = 0; i < n; i++) img_add_hosts(&b, img_string(&b, list[i]));
    img_add_names(&b, (struct pbc_names){.name = img_string(&b, "x"), .count = n});
    img_add_names(&b, (struct pbc_names){.name = img_string(&b, "none")});
    img_function(&b, "main", &(const struct insn){.op = OP_ACCEPT}, 1);
    struct program *p = img_load(&b, err, sizeof(err));
    assert_string_equal(err, "");
    img_fini(&b);
    return p;
}

static void lists_match_as_their_entries_do(void **state)
{
    uint64_t seed = 11;

    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        char text[NAMES][TEXT], host[TEXT];
        const char *list[NAMES];
        const unsigned n = draw_list(text, list, &seed);
        struct program *p = program_of(list, n);

        for (unsigned i = 0; i < 500; i++) {
            draw_name(host, false, &seed);
            if (names_match(p, 0, host, strlen(host)) != plain_match(text, host)) fail_msg("round %u: %s", round, host);
            assert_false(names_match(p, 1, host, strlen(host)));
        }
        program_put(p);
    }
}

static void what_clients_write_is_taken_as_it_is(void **state)
{
    const char *list[] = {"example.com", "*.example.com"};
    struct program *p = program_of(list, 2);
    char longest[300];

    (void)state;
    memset(longest, 'a', sizeof longest);
    memcpy(longest + 253 - 12, ".example.com.", 13);
    static const char *const in[] = {"example.com",    "EXAMPLE.COM.",    "a.Example.com",
                                     "_x.example.com", "a b.example.com", "*.example.com"};
    static const char *const out[] = {
        "", ".", "com", "xexample.com", ".example.com", "a..example.com", "example.com..", "example.com:80"};
    for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++) assert_true(names_match(p, 0, in[i], strlen(in[i])));
    for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++) assert_false(names_match(p, 0, out[i], strlen(out[i])));
    assert_true(names_match(p, 0, longest, 253));
    assert_true(names_match(p, 0, longest, 254)); /* the dot at the end doesn't count */
    assert_false(names_match(p, 0, longest, 300));
    program_put(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_have_one_normal_form),      cmocka_unit_test(what_is_no_name_is_told),
        cmocka_unit_test(globs_cover_whole_labels),        cmocka_unit_test(names_stand_behind_what_they_end_in),
        cmocka_unit_test(lists_match_as_their_entries_do), cmocka_unit_test(what_clients_write_is_taken_as_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
