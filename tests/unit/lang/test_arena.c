/* The arena: alignment, zeroes, large requests beside small ones, copies of text. */
#include "parsed.h"

#include <stdalign.h>

static void allocations_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    unsigned char *last = NULL;
    for (size_t size = 1; size < 3000; size += 7) {
        unsigned char *p = arena_alloc(a, size);
        assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++) assert_int_equal(p[i], 0);
        memset(p, 0xff, size);
        assert_ptr_not_equal(p, last);
        last = p;
    }
    arena_free(a);
}

static void a_large_request_does_not_waste_the_block(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    char *small = arena_alloc(a, 16);
    char *large = arena_alloc(a, 5 << 20);
    memset(large, 1, 5 << 20);
    char *next = arena_alloc(a, 16);
    assert_ptr_equal(next, small + 16);
    assert_int_equal(arena_used(a), 32 + (5 << 20));
    arena_free(a);
}

static void a_copy_keeps_nul_bytes_and_ends_in_one(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    const char *copy = arena_strndup(a, "a\0bcd", 4);
    assert_memory_equal(copy, "a\0bc\0", 5);
    assert_string_equal(arena_strndup(a, NULL, 0), "");
    arena_free(a);
    arena_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_zeroed_aligned_and_apart),
        cmocka_unit_test(a_large_request_does_not_waste_the_block),
        cmocka_unit_test(a_copy_keeps_nul_bytes_and_ends_in_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
