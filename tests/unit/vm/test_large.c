/* Memory of large tables: zeroed to its last byte, and aligned so that large pages are possible. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/mman.h>

#include "vm/keyed/large.h"

static void zeroed_and_aligned(void **state)
{
    static const size_t sizes[] = {0, 1, 4096, 4097, (2 << 20) - 1, 2 << 20, (2 << 20) + 1, (6 << 20) + 4095};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t *p = large_new(sizes[i]);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % (sizes[i] < 2 << 20 ? 4096 : 2 << 20), 0);
        for (size_t at = 0; at < sizes[i]; at += 511) assert_int_equal(p[at]++, 0);
        if (sizes[i]) p[sizes[i] - 1] = 1;
        large_free(p, sizes[i]);
    }
    large_free(NULL, 1);
    (void)state;
}

/* Count the pages that the system has given; the memory begins at a page. */
static size_t pages_there(void *memory, size_t bytes)
{
    static unsigned char there[2048];
    size_t count = 0;
    const size_t pages = (bytes + 4095) / 4096;
    assert_true(pages <= sizeof there);
    assert_int_equal(mincore(memory, bytes, there), 0);
    for (size_t i = 0; i < pages; i++) count += there[i] & 1;
    return count;
}

static void touched_is_there(void **state)
{
    static const size_t sizes[] = {1, 4097, (1 << 20) + 1, (6 << 20) + 4095};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t *lazy = large_new(sizes[i]), *touched = large_touched(sizes[i]);
        assert_int_equal(pages_there(lazy, sizes[i]), 0);
        assert_int_equal(pages_there(touched, sizes[i]), (sizes[i] + 4095) / 4096);
        for (size_t at = 0; at < sizes[i]; at++) assert_int_equal(touched[at], 0);
        large_free(lazy, sizes[i]);
        large_free(touched, sizes[i]);
    }
    (void)state;
}

static void sparse_takes_what_is_touched(void **state)
{
    static const size_t sizes[] = {1, 4097, (2 << 20) - 1, 2 << 20, (6 << 20) + 4095};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t *p = large_sparse(sizes[i]);
        assert_non_null(p);
        if (sizes[i] >= 2 << 20) assert_int_equal(pages_there(p, sizes[i]), 0);
        for (size_t at = 0; at < sizes[i]; at += 511) assert_int_equal(p[at]++, 0);
        p[sizes[i] - 1] = 1;
        large_sparse_free(p, sizes[i]);
    }
    large_sparse_free(NULL, 1);
    large_sparse_free(NULL, 2 << 20);
    (void)state;
}

static void too_much_is_none(void **state)
{
    assert_null(large_new(SIZE_MAX));
    assert_null(large_new(SIZE_MAX / 2));
    assert_null(large_touched(SIZE_MAX));
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(zeroed_and_aligned), cmocka_unit_test(touched_is_there),
                                       cmocka_unit_test(sparse_takes_what_is_touched),
                                       cmocka_unit_test(too_much_is_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
