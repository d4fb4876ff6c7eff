/* compiler/diff: twins among rules, the limit of the work, and the safe printing of names. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/compiler.h"
#include "compiler/analysis/diff/diff_priv.h"
#include "tests/lib/imgbuild.h"

/* Rename device "eth0" and rule FORGED as no compiler would. */
static void rename_some(uint8_t *pbc, size_t len)
{
    uint8_t *device = memmem(pbc, len, "eth0", 4), *rule = memmem(pbc, len, "FORGED", 6);

    if (device) memcpy(device, "\n\x1b[m", 4);
    if (rule) memcpy(rule, "\nnone!", 6);
    img_seal(pbc, len);
}

static struct program *program_of(const char *text)
{
    char err[256] = "";
    struct program *p = NULL;
    struct compile c;

    compile_init(&c);
    if (compile_text(&c, "t.prey", text, strlen(text)) == 0) {
        rename_some(c.pbc, c.pbc_len);
        p = program_load(c.pbc, c.pbc_len, err, sizeof(err));
    }
    compile_fini(&c);
    assert_string_equal(err, "");
    assert_non_null(p);
    return p;
}

/* Return the printed text; *status is diff_print's. */
static char *told(const char *old, const char *new, struct diff_options o, int *status)
{
    struct program *a = program_of(old), *b = program_of(new);
    char *text = NULL, err[256] = "";
    size_t len;
    FILE *out = open_memstream(&text, &len);

    *status = diff_print(a, b, &o, out, err, sizeof(err));
    fclose(out);
    program_put(a);
    program_put(b);
    assert_string_equal(err, "");
    return text;
}

/* Count the items of the old list without a twin in the new one. */
static uint32_t alone(const char *old, const char *new)
{
    struct program *p[SIDES] = {program_of(old), program_of(new)};
    struct items lists[SIDES] = {{0}};
    struct diff d;
    char err[256];
    uint32_t n = 0;

    assert_true(diff_find(&d, p[OLD], p[NEW], 0, err, sizeof(err)));
    flatten(&d, d.side[OLD].firewalls, &lists[OLD]);
    flatten(&d, d.side[NEW].firewalls, &lists[NEW]);
    align(&d, lists);
    for (uint32_t i = 0, last = 0; i < lists[OLD].count; i++) {
        const uint32_t twin = lists[OLD].item[i].twin;

        n += twin == PBC_NONE;
        if (twin == PBC_NONE) continue;
        assert_int_equal(lists[NEW].item[twin].twin, i);
        assert_true(twin >= last);
        last = twin;
    }
    for (unsigned s = 0; s < SIDES; s++) {
        free(lists[s].item);
        program_put(p[s]);
    }
    diff_fini(&d);
    return n;
}

#define RULES(rules) "firewall f default drop {\n" rules "\n}\n"
#define A            "accept tcp port 1\n"
#define B            "accept tcp port 2\n"
#define C            "accept tcp port 3\n"
#define D            "accept tcp port 4\n"

static void test_twins(void **state)
{
    (void)state;
    assert_int_equal(alone(RULES(A B C D), RULES(A B C D)), 0);
    assert_int_equal(alone(RULES(A B C D), RULES(A C D)), 1);
    assert_int_equal(alone(RULES(A C D), RULES(A B C D)), 0);
    assert_int_equal(alone(RULES(A B C D), RULES(B C D A)), 1); /* the one that moved, instead of the other three */
    assert_int_equal(alone(RULES(A B C D), RULES(D C B A)), 3);
    assert_int_equal(alone(RULES(A A B), RULES(A B A)), 1);
    assert_int_equal(alone(RULES("drop tcp port 1\n"), RULES(A)), 1);
    assert_int_equal(alone(RULES("reject tcp port 1\n"), RULES("reject tcp port 1 with prohibited\n")), 1);
}

/* A `return` is equal if it skips the same. */
static void test_returns(void **state)
{
    const char *chain = "chain c { return from 10.0.0.1\n" A B "}\n" RULES("do c\n" C);
    const char *longer = "chain c { return from 10.0.0.1\n" A B D "}\n" RULES("do c\n" C);
    int status;

    (void)state;
    assert_int_equal(alone(chain, chain), 0);
    assert_int_equal(alone(chain, longer), 1);
    char *text = told(chain, longer, (struct diff_options){0}, &status);
    assert_non_null(strstr(text, "tcp from not 10.0.0.1 to any port 4\n"));
    assert_non_null(strstr(text, "\n1 region: 1 widened\n"));
    assert_int_equal(status, 1);
    free(text);
    /* the same items in the same order, but the last is behind the chain */
    const char *shorter = "chain c { return from 10.0.0.1\n" A "}\n" RULES("do c\n" B C);
    assert_int_equal(alone(chain, shorter), 1);
    text = told(chain, shorter, (struct diff_options){0}, &status);
    assert_non_null(strstr(text, "widened     tcp from 10.0.0.1 to any port 2\n"));
    free(text);
}

static void test_work_runs_out(void **state)
{
    const char *old = RULES(A B C D), *new = RULES("drop tcp port 2\n" A B C D);
    int status;
    char *text = told(old, new, (struct diff_options){.work = 1}, &status);

    (void)state;
    assert_int_equal(status, 1); /* although it would have narrowed it */
    assert_non_null(strstr(text, "preyc didn't compare the packets that match these rules"));
    assert_non_null(strstr(text, "and may let more packets through"));
    assert_null(strstr(text, "no difference for any packet"));
    free(text);
    text = told(old, new, (struct diff_options){.work = 1, .json = true}, &status);
    assert_int_equal(status, 1);
    assert_non_null(strstr(text, "\"complete\":false,\"widened\":true}"));
    free(text);
    text = told(old, new, (struct diff_options){0}, &status);
    assert_int_equal(status, 0);
    assert_non_null(strstr(text, "1 region: 1 narrowed"));
    free(text);
}

/* Names are printed safely, because a program may come from anywhere. */
static void test_names_are_safe(void **state)
{
    const char *old = RULES("accept tcp port 1 on \"eth0\" as FORGED\n"), *new = RULES("accept udp\n");
    int status;

    (void)state;
    for (unsigned json = 0; json < 2; json++) {
        char *text = told(old, new, (struct diff_options){.json = json}, &status);
        assert_non_null(strstr(text, "port 1 on"));
        assert_null(strchr(text, 0x1b));
        assert_non_null(strstr(text, "none!"));
        assert_null(strstr(text, "\nnone!"));
        assert_null(strstr(text, "on \"\n"));
        free(text);
    }
}

/* A small program may test the same operands again and again. */
static void test_effort_is_bounded(void **state)
{
    enum { MANY = 9000 };
    struct program *p[SIDES];
    char err[256] = "", *text = NULL;
    size_t len;

    (void)state;
    for (unsigned i = 0; i < SIDES; i++) {
        struct imgbuild b;
        img_init(&b);
        img_list(&b, 1, NULL);
        img_no_classifiers(&b);
        b.code_count = b.funcs_count = 0;
        img_function(&b, "main", (const struct insn[]){{.op = OP_DEFAULT}}, 1);
        img_add_ifaces(&b, (struct pbc_iface){.device = img_string(&b, "eth0")});
        for (unsigned n = 0; i == NEW && n < MANY; n++) {
            img_add_ranges(&b, (struct pbc_range){0, 0});
            img_add_conds(&b, (struct pbc_cond){.kind = COND_ON, .count = MANY});
        }
        p[i] = img_load(&b, err, sizeof(err));
        assert_string_equal(err, "");
        img_fini(&b);
    }
    FILE *out = open_memstream(&text, &len);
    assert_int_equal(diff_print(p[OLD], p[NEW], &(struct diff_options){0}, out, err, sizeof(err)), -EINVAL);
    assert_non_null(strstr(err, "the new file have more than"));
    fclose(out);
    free(text);
    for (unsigned i = 0; i < SIDES; i++) program_put(p[i]);
}

/* An interface that only one side names belongs to the other side's unnamed ones. */
static void test_interfaces(void **state)
{
    const char *old = RULES("accept tcp on not \"lo\"\naccept udp on \"eth1\"\naccept sctp on not \"lo\"\n");
    const char *new = RULES("accept tcp on not \"lo\"\naccept udp on \"eth2\"\naccept sctp on \"eth2\"\n");
    int status;
    char *text = told(old, new, (struct diff_options){0}, &status);

    (void)state;
    assert_null(strstr(text, "tcp"));
    assert_non_null(strstr(text, "widened     udp on \"eth2\"\n"));
    assert_non_null(strstr(text, "narrowed    udp on \"eth1\"\n"));
    assert_non_null(strstr(text, "narrowed    sctp on not \"eth2\", \"lo\"\n"));
    assert_int_equal(status, 1);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_twins),          cmocka_unit_test(test_returns),
        cmocka_unit_test(test_work_runs_out),  cmocka_unit_test(test_effort_is_bounded),
        cmocka_unit_test(test_names_are_safe), cmocka_unit_test(test_interfaces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
