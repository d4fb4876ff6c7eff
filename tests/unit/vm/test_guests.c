/* Ports that flows of several workers share, and the ends that distinguish those flows. */
#include "tests/unit/vm/packet.h"

#include "vm/shared/shared.h"
#include "vm/worker/guests.h"
#include "vm/worker/roles.h"

enum { MANY = 5000 };

static struct guest end_of(uint32_t n)
{
    return (struct guest){.own = {0x0a090007},
                          .other = {0x0a000000 | n},
                          .port = (uint16_t)(1024 + n % 7),
                          .other_port = 80,
                          .proto = ROLE_TCP,
                          .worker = (uint8_t)(n % 5)};
}

static void test_shared_port(void **state)
{
    (void)state;
    struct port_owners *o = calloc(1, sizeof *o);
    assert_non_null(o);
    port_owners_share(o, 2000, 1);
    assert_int_equal(port_owner(o->of[2000], 2000, 4), 1);
    port_owners_share(o, 2000, 1);
    assert_false(port_is_shared(o->of[2000]));
    port_owners_share(o, 2000, 3);
    assert_true(port_is_shared(o->of[2000]));
    assert_int_equal(port_owner(o->of[2000], 2000, 4), port_slice(2000, 4));
    for (unsigned w = 0; w < 4; w++) assert_false(port_owners_hold(o, 2000, w)); /* nobody draws it */
    for (unsigned i = 0; i < 2; i++) port_owners_drop(o, 2000);
    assert_true(port_is_shared(o->of[2000])); /* until the last of its flows has ended */
    port_owners_drop(o, 2000);
    assert_int_equal(o->of[2000], 0);
    assert_true(port_owners_hold(o, 2000, 2));
    free(o);
}

static void test_found(void **state)
{
    (void)state;
    struct guests *g = guests_new(7);
    for (uint32_t n = 0; n < MANY; n++) {
        const struct guest one = end_of(n);
        assert_int_equal(guests_find(g, &one), -1);
        assert_true(guests_add(g, &one));
    }
    assert_int_equal(guests_count(g), MANY);
    for (uint32_t n = 0; n < MANY; n++) {
        struct guest one = end_of(n);
        one.worker = 77; /* the new worker is ignored, and the first that was added stays */
        assert_true(guests_add(g, &one));
        assert_int_equal(guests_find(g, &one), n % 5);
        one.proto = ROLE_UDP;
        assert_int_equal(guests_find(g, &one), -1);
    }
    struct guest all = {.own = {0x0a090007}, .port = 1024, .proto = ROLE_TCP, .any = 1, .worker = 9};
    assert_true(guests_add(g, &all));
    struct guest stranger = end_of(MANY + 7 - MANY % 7), known = end_of(7);
    assert_int_equal(guests_find(g, &stranger), 9);
    assert_int_equal(guests_find(g, &known), 7 % 5);
    guests_put(guests_get(g));
    assert_int_equal(guests_find(g, &stranger), 9);
    guests_put(g);
}

static void test_bytes(void **state)
{
    (void)state;
    static uint8_t bytes[MANY * sizeof(struct guest) + 64];
    struct guests *g = guests_new(7), *read = guests_new(8);
    for (uint32_t n = 0; n < MANY; n++) {
        const struct guest one = end_of(n);
        assert_true(guests_add(g, &one));
    }
    struct archive a = {.at = bytes, .left = sizeof bytes}, b = {.at = bytes, .left = sizeof bytes, .reads = true};
    assert_true(guests_archive(g, &a, 5));
    assert_true(guests_archive(read, &b, 5));
    assert_int_equal(a.left, b.left);
    for (uint32_t n = 0; n < MANY; n++) {
        const struct guest one = end_of(n);
        assert_int_equal(guests_find(read, &one), n % 5);
    }
    guests_put(read);
    read = guests_new(8);
    b = (struct archive){.at = bytes, .left = sizeof bytes, .reads = true};
    assert_false(guests_archive(read, &b, 4)); /* an unknown worker */
    guests_put(read);
    read = guests_new(8);
    b = (struct archive){.at = bytes, .left = sizeof(struct guest) * 10, .reads = true};
    assert_false(guests_archive(read, &b, 5)); /* cut */
    guests_put(read);
    guests_put(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared_port),
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
