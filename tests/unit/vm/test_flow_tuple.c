/* Tuples of IPv6 packets with ports are sorted without a branch on the kernel's express path, and word by word
 * elsewhere: both results are equal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "vm/flow/track/tuple_ports.h"

enum { SHAPES = 3 * 3 * 3 * 3 * 2 };

/* Return one of few words, so that sides may differ in any word or none. */
static uint32_t word_of(unsigned choice)
{
    static const uint32_t words[] = {0, 1, UINT32_MAX};
    return words[choice % 3];
}

/* Set the source or the destination by the number of its shape. */
static void set_side(uint32_t addr[4], uint16_t *port, unsigned shape)
{
    for (unsigned i = 0; i < 4; i++, shape /= 3) addr[i] = word_of(shape);
    *port = shape ? UINT16_MAX : 1;
}

static void sorted_alike(void **state)
{
    (void)state;
    struct key key = {.kind = KIND_IP6 | KIND_UDP | KIND_PORTS, .proto = 17};
    for (unsigned n = 0; n < SHAPES * SHAPES; n++) {
        struct flow_id by_words, straight;
        uint8_t at_by_words = 0, at_straight = 0;
        set_side(key.src, &key.src_port, n % SHAPES);
        set_side(key.dst, &key.dst_port, n / SHAPES);
        memset(&by_words, 0, sizeof by_words);
        memset(&straight, 0, sizeof straight);
        assert_int_equal(tuple_of(&key, 0, 7, &by_words, &at_by_words), HOW_PLAIN);
        assert_int_equal(tuple_of_ports6(&key, 7, &straight, &at_straight), HOW_PLAIN);
        assert_memory_equal(&by_words, &straight, sizeof straight);
        assert_int_equal(at_by_words, at_straight);
    }
}

/* Multicast and broadcast, and their neighbours. */
static void groups(void **state)
{
    (void)state;
    assert_true(key_group4(0xe0000000) && key_group4(0xefffffff) && key_group4(UINT32_MAX));
    assert_false(key_group4(0xdfffffff) || key_group4(0xf0000000) || key_group4(UINT32_MAX - 1) || key_group4(0));
    assert_true(key_group6(0xff000000) && key_group6(UINT32_MAX));
    assert_false(key_group6(0xfeffffff) || key_group6(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sorted_alike), cmocka_unit_test(groups)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
