/* Files: includes by any spelling, cycles, depth; text of any kind in bounded time. */
#include "parsed.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char folder[] = "/tmp/prey-lang-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? chdir(folder) : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return chdir("/") == 0 ? system(command) : -1;
}

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void parse_path(struct parsed *p, const char *path)
{
    p->arena = arena_new();
    sources_init(&p->sources);
    p->diags = diags_new(&p->sources);
    p->tree = lang_parse(p->arena, &p->sources, p->diags, path);
}

static void expect_file(const char *path, const char *codes, unsigned files)
{
    struct parsed p;
    parse_path(&p, path);
    assert_non_null(p.tree);
    char *got = codes_of(&p);
    assert_string_equal(got, codes);
    assert_int_equal(p.sources.count, files);
    free(got);
    parsed_fini(&p);
}

static void a_main_file_that_cannot_be_read_is_no_diagnostic(void **state)
{
    (void)state;
    struct parsed p;
    parse_path(&p, "missing.prey");
    assert_null(p.tree);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(diags_errors(p.diags), 0);
    parsed_fini(&p);
    parse_path(&p, ".");
    assert_null(p.tree);
    assert_int_equal(errno, EISDIR);
    parsed_fini(&p);
}

static void a_main_file_over_the_bound_is_a_diagnostic(void **state)
{
    (void)state;
    put("large.prey", "");
    assert_int_equal(truncate("large.prey", (64 << 20) + 1), 0);
    expect_file("large.prey", "E0134@1:1", 0);
    assert_int_equal(unlink("large.prey"), 0);
}

static void includes_are_relative_and_read_once(void **state)
{
    (void)state;
    assert_int_equal(mkdir("sub", 0700), 0);
    put("main.prey", "include \"sub/a.prey\"\ninclude \"sub/../sub/a.prey\"\ninclude \"link.prey\"\nset m = a\n");
    put("sub/a.prey", "include \"b.prey\"\nset a = b\n");
    put("sub/b.prey", "set b = 10.0.0.1\n");
    assert_int_equal(symlink("sub/b.prey", "link.prey"), 0);
    expect_file("main.prey", "", 3);
    struct parsed p;
    parse_path(&p, "main.prey");
    const struct node *include = p.tree->first;
    assert_int_equal(include->kind, N_INCLUDE);
    assert_int_equal(node_child(include, N_FILE)->first->kind, N_INCLUDE);
    assert_null(node_child(include->next, N_FILE));
    assert_string_equal(p.sources.files[2].path, "sub/b.prey");
    parsed_fini(&p);
}

static void cycles_are_reported_with_their_chain(void **state)
{
    (void)state;
    put("one.prey", "include \"two.prey\"\nset a = 10.0.0.1");
    put("two.prey", "\ninclude \"three.prey\"");
    put("three.prey", "include \"./one.prey\"");
    struct parsed p;
    parse_path(&p, "one.prey");
    char *codes = codes_of(&p);
    assert_string_equal(codes, "E0133@1:9");
    const struct entry *e = &p.diags->entries[0];
    assert_string_equal(p.sources.files[e->span.file].path, "three.prey");
    assert_non_null(e->notes);
    assert_string_equal(p.sources.files[e->notes->span.file].path, "one.prey");
    assert_string_equal(p.sources.files[e->notes->next->span.file].path, "two.prey");
    assert_null(e->notes->next->next);
    free(codes);
    parsed_fini(&p);
    put("self.prey", "include \"self.prey\"");
    expect_file("self.prey", "E0133@1:9", 1);
}

static void depth_and_number_of_includes_are_bounded(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++) {
        char path[32], text[64];
        snprintf(path, sizeof(path), "deep%d.prey", i);
        snprintf(text, sizeof(text), "include \"deep%d.prey\"", i + 1);
        put(path, text);
    }
    expect_file("deep0.prey", "E0130@1:9", 33);
    put("leaf.prey", "");
    FILE *f = fopen("many.prey", "w");
    for (int i = 0; i < 5000; i++) fputs("include \"leaf.prey\"\n", f);
    fclose(f);
    expect_file("many.prey", "E0134@4097:1", 2);
}

static void included_files_of_errors_are_given_up_together(void **state)
{
    (void)state;
    assert_int_equal(mkdir("foreign", 0700), 0);
    for (int i = 0; i < 30; i++) {
        char path[32];
        snprintf(path, sizeof(path), "foreign/%d.txt", i);
        FILE *f = fopen(path, "w");
        for (int k = 0; k < 100; k++) fputs("this is no rule\n", f);
        fclose(f);
    }
    put("all.prey", "include \"foreign/*\"\n");
    struct parsed p;
    parse_path(&p, "all.prey");
    assert_int_equal(diags_errors(p.diags), DIAG_FILE_MAX + 20); /* ten files in full, and the first of each other */
    parsed_fini(&p);
}

static void unreadable_includes_are_diagnostics(void **state)
{
    (void)state;
    put("bad.prey",
        "include \"missing.prey\"\ninclude \".\"\ninclude \"\"\ninclude \"a\\x00b\"\ninclude \"/dev/null\"\n");
    expect_file("bad.prey", "E0132@1:9 E0132@2:9 E0132@3:9 E0132@4:9 E0132@5:9", 1);
}

static void touch_all(const char *const *paths, unsigned n)
{
    for (unsigned i = 0; i < n; i++) put(paths[i], "set a = 10.0.0.1\n");
}

static void patterns_read_files_in_the_order_of_their_bytes(void **state)
{
    static const char *const files[] = {"d/b.prey",       "d/a.prey",  "d/10-a.prey", "d/9-b.prey",      "d/Z.prey",
                                        "d/.hidden.prey", "d/a.preyx", "d/.prey",     "d/\xc3\xa4.prey", "d/aprey"};
    static const char *const read[] = {"d/10-a.prey", "d/9-b.prey", "d/Z.prey",
                                       "d/a.prey",    "d/b.prey",   "d/\xc3\xa4.prey"};
    struct parsed p;

    (void)state;
    assert_int_equal(mkdir("d", 0700), 0);
    touch_all(files, 10);
    put("glob.prey",
        "include \"d/b.prey\"\ninclude \"d/*.prey\"\ninclude \"d/*.prey\"\ninclude \"none/*\"\ninclude \"d/q*\"\n");
    parse_path(&p, "glob.prey");
    assert_int_equal(diags_errors(p.diags), 0);
    assert_int_equal(p.sources.count, 7);
    assert_string_equal(p.sources.files[1].path, "d/b.prey");
    unsigned at = 2;
    for (unsigned i = 0; i < 6; i++)
        if (i != 4) assert_string_equal(p.sources.files[at++].path, read[i]);
    const struct node *again = p.tree->first->next->next;
    assert_int_equal(again->flags & (NF_UNREAD | NF_NO_MATCH), 0);
    assert_int_equal(again->next->flags, NF_NO_MATCH);
    assert_int_equal(again->next->next->flags, NF_NO_MATCH);
    parsed_fini(&p);
    put("marks.prey", "include \"d/?.prey\"\ninclude \"d/.h*\"\ninclude \"d/**a.**\"\n");
    expect_file("marks.prey", "", 7); /* Z, a, b, .hidden, 10-a, a.preyx; a-umlaut is two bytes */
}

static void what_matches_and_cannot_be_read_is_told(void **state)
{
    (void)state;
    assert_int_equal(mkdir("e", 0700), 0);
    assert_int_equal(mkdir("e/folder.prey", 0700), 0);
    assert_int_equal(mkdir("f*", 0700), 0);
    assert_int_equal(symlink("loop.prey", "e/loop.prey"), 0);
    assert_int_equal(symlink("gone.prey", "e/dangling.prey"), 0);
    put("e/good.prey", "set a = 10.0.0.1\n");
    put("odd.prey", "include \"e/*.prey\"\n");
    struct parsed p;
    parse_path(&p, "odd.prey");
    assert_int_equal(p.tree->first->flags, NF_UNREAD);
    assert_int_equal(p.sources.count, 2);
    assert_int_equal(diags_errors(p.diags), 1); /* dangling, and beside it folder and loop */
    assert_non_null(strstr(p.diags->entries[0].text, "e/dangling.prey"));
    assert_non_null(strstr(p.diags->entries[0].notes->text, "e/folder.prey` can't be read either"));
    assert_non_null(strstr(p.diags->entries[0].notes->next->text, "e/loop.prey` can't be read either"));
    assert_null(p.diags->entries[0].notes->next->next);
    parsed_fini(&p);
    put("e/main.prey", "include \"*.prey\"\n");
    expect_file("e/main.prey", "E0132@1:9 E0133@1:9", 2);
    put("folders.prey", "include \"*/a.prey\"\ninclude \"good.prey/*\"\ninclude \"*\\x00\"\ninclude \"f*/\"\n");
    expect_file("folders.prey", "E0132@1:9 E0132@3:9 E0132@4:9", 1);
    put("f*/x.prey", "include \"y*.prey\"\n"); /* a folder may have such a name */
    put("f*/y.prey", "");
    expect_file("f*/x.prey", "", 2);
}

static void files_of_patterns_are_bounded_together(void **state)
{
    char path[32];

    (void)state;
    assert_int_equal(mkdir("many", 0700), 0);
    for (int i = 0; i < 4090; i++) {
        snprintf(path, sizeof(path), "many/%d", i);
        put(path, "");
    }
    put("all.prey", "include \"many/*\"\n");
    expect_file("all.prey", "", 4091);
    for (int i = 0; i < 7; i++) {
        snprintf(path, sizeof(path), "many/x%d", i);
        put(path, "");
    }
    expect_file("all.prey", "E0134@1:1", 1);
    put("twice.prey", "include \"many/1*\"\ninclude \"many/*\"\ninclude \"many/2\"\n");
    struct parsed p;
    parse_path(&p, "twice.prey");
    char *codes = codes_of(&p);
    assert_string_equal(codes, "E0134@2:1");
    free(codes);
    parsed_fini(&p);
}

/* ---- any bytes ---- */

#define BIG 1000000

static double parse_seconds(const char *text, size_t len, unsigned *errors)
{
    struct timespec a, b;
    struct parsed p;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    parse_n(&p, text, len);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    *errors = diags_errors(p.diags);
    parsed_fini(&p);
    return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

/* Check that a quarter of the text takes a quarter of the time (a sixteenth if time is quadratic), which holds on
 * any machine. Very short times aren't compared, and one slow moment of the machine doesn't fail the test. */
static void expect_linear(const char *text, size_t len, const char *unit, const char *opening, unsigned *errors)
{
    double whole, part;
    unsigned part_errors;
    for (int tries = 0; tries < 3; tries++) {
        whole = parse_seconds(text, len, errors);
        if (whole < 0.2) return;
        part = parse_seconds(text, len / 4, &part_errors);
        if (whole < 10 * part) return;
    }
    fail_msg("`%s` after `%s` took %.2f s, a quarter of it %.2f s", unit, opening, whole, part);
}

/* Repeat one unit, on one line or after an opening bracket. */
static void long_lines_of_anything_take_linear_time(void **state)
{
    (void)state;
    static const char *const units[] = {
        "a:",
        "\\\"",
        "(",
        "{",
        "}",
        ",",
        "7",
        "not ",
        "\"",
        "x\"",
        "a",
        "-",
        ":",
        "[",
        "[a",
        "1.",
        "1:",
        "/",
        "\xff",
        "\xc3\xa9",
        "#\xff\n",
        "\\ ",
        ",\n",
        "(\n",
        "}\n",
        "set a = = b\n",
        "set a\n",
        "pool a {\n",
        "pool a\n b\n}\n",
        "g:g:g ",
        "::1 ",
        "5s ",
        "%",
        "->",
        "a-",
        "\\\n",
        "\r",
    };
    static const char *const openings[] = {
        "",
        "set a = ",
        "set a = (",
        "firewall f default drop { accept from ",
        "hash key \"",
        "test \"t\" { expect drop: ",
    };
    char *text = malloc(BIG);
    for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++) {
        const char *opening = openings[u % (sizeof(openings) / sizeof(openings[0]))];
        for (int with = 0; with < 2; with++) {
            size_t n = with ? strlen(opening) : 0;
            memcpy(text, opening, n);
            for (size_t len = strlen(units[u]); n + len <= BIG; n += len) memcpy(text + n, units[u], len);
            unsigned errors;
            expect_linear(text, n, units[u], with ? opening : "", &errors);
            assert_true(errors <= DIAG_FILE_MAX + 2);
        }
    }
    free(text);
}

/* flex marks the end of its buffer with NULs. */
static void long_tokens_of_nul_take_linear_time(void **state)
{
    (void)state;
    static const char *const openings[] = {"", "#", "set a = ", "hash key \"", "x\"", "\\ "};
    char *text = calloc(BIG, 1);
    for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++) {
        unsigned errors;
        memset(text, 0, 64);
        memcpy(text, openings[i], strlen(openings[i]));
        expect_linear(text, BIG, "NUL", openings[i], &errors);
        assert_true(errors >= 1 && errors <= DIAG_FILE_MAX + 2);
    }
    free(text);
}

static void random_bytes_are_read(void **state)
{
    (void)state;
    char *text = malloc(BIG);
    uint64_t x = 88172645463325252u;
    for (size_t i = 0; i < BIG; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        text[i] = (char)x;
    }
    unsigned errors;
    expect_linear(text, BIG, "random bytes", "", &errors);
    assert_true(errors >= 100);
    free(text);
}

static void a_file_of_errors_is_given_up(void **state)
{
    (void)state;
    char *text = malloc(BIG);
    size_t n = 0;
    for (; n + 12 <= BIG; n += 12) memcpy(text + n, "set a = = b\n", 12);
    struct parsed p;
    parse_n(&p, text, n);
    assert_int_equal(diags_errors(p.diags), DIAG_FILE_MAX);
    char *out = NULL;
    size_t len;
    FILE *f = open_memstream(&out, &len);
    diags_print_text(p.diags, f, false);
    fclose(f);
    assert_non_null(strstr(out, "and 980 more errors\ngave up in 1 file after 1000 errors\n"));
    free(out);
    free(text);
    parsed_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_main_file_that_cannot_be_read_is_no_diagnostic),
        cmocka_unit_test(a_main_file_over_the_bound_is_a_diagnostic),
        cmocka_unit_test(includes_are_relative_and_read_once),
        cmocka_unit_test(cycles_are_reported_with_their_chain),
        cmocka_unit_test(depth_and_number_of_includes_are_bounded),
        cmocka_unit_test(included_files_of_errors_are_given_up_together),
        cmocka_unit_test(unreadable_includes_are_diagnostics),
        cmocka_unit_test(patterns_read_files_in_the_order_of_their_bytes),
        cmocka_unit_test(what_matches_and_cannot_be_read_is_told),
        cmocka_unit_test(files_of_patterns_are_bounded_together),
        cmocka_unit_test(long_lines_of_anything_take_linear_time),
        cmocka_unit_test(long_tokens_of_nul_take_linear_time),
        cmocka_unit_test(random_bytes_are_read),
        cmocka_unit_test(a_file_of_errors_is_given_up),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
