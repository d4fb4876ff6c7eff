/* Memory of large tables: zeroed to its last byte, and where a large page can be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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

static void too_much_is_none(void **state)
{
    assert_null(large_new(SIZE_MAX));
    assert_null(large_new(SIZE_MAX / 2));
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(zeroed_and_aligned), cmocka_unit_test(too_much_is_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
