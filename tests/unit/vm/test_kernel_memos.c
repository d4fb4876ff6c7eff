/* Which decisions the kernel may remember for flows, and their places (vm/kernel/shapes.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/compiled.h"
#include "vm/judge/remember.h"
#include "vm/kernel/shapes.h"

/* Find a decision's row like the stages; 0: none. */
static uint32_t row_of(const uint64_t rows[KERNEL_MEMOS], decided d)
{
    for (uint32_t i = 0; i < KERNEL_MEMO_TRIES; i++) {
        const uint32_t row = (memo_place(d) + i) % KERNEL_MEMOS;
        if (row && rows[row] == d) return row;
    }
    return 0;
}

static unsigned taken(const uint64_t rows[KERNEL_MEMOS])
{
    unsigned n = 0;
    for (unsigned i = 0; i < KERNEL_MEMOS; i++) n += rows[i] != 0;
    return n;
}

static void those_that_accept(void **state)
{
    (void)state;
    uint64_t rows[KERNEL_MEMOS] = {0};
    struct program *p = compiled_text("firewall f default drop {\n  drop state established port 22\n"
                                      "  accept state established as ON\n  accept state new\n}\n");
    assert_non_null(p);
    unsigned accept = 0;
    kernel_memos_of(rows, p);
    for (uint32_t i = 0; i < p->memos_count; i++) {
        const decided d = remember_decides(p, i);
        const bool may = decided_action(d) == ACTION_ACCEPT;
        accept += may;
        assert_int_equal(row_of(rows, d) != 0, may);
    }
    assert_true(accept > 0 && accept < p->memos_count);
    assert_int_not_equal(row_of(rows, decided_by_nobody(ACTION_ACCEPT)), 0); /* decided without a firewall */
    assert_int_equal(taken(rows), accept + 1);
    assert_int_equal(rows[0], 0);
    program_put(p);
}

static void no_more_than_there_is_room_for(void **state)
{
    (void)state;
    enum { RULES = 1000 };
    uint64_t rows[KERNEL_MEMOS] = {0};
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    assert_non_null(f);
    fprintf(f, "firewall f default drop {\n");
    for (unsigned i = 0; i < RULES; i++) fprintf(f, "  accept state established port %u\n", 1000 + i);
    fprintf(f, "}\n");
    fclose(f);
    struct program *p = compiled_text(text);
    assert_non_null(p);
    kernel_memos_of(rows, p);
    unsigned found = 0;
    for (uint32_t i = 0; i < p->memos_count; i++) found += row_of(rows, remember_decides(p, i)) != 0;
    assert_int_equal(found + 1, taken(rows)); /* and the one of nobody */
    assert_true(found > KERNEL_MEMOS / 2 && found < KERNEL_MEMOS);
    assert_int_equal(rows[0], 0);
    program_put(p);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_that_accept),
        cmocka_unit_test(no_more_than_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
