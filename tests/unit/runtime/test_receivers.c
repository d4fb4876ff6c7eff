/* Receivers of frames with VLAN tags: frames that this machine's stack would take, and others, by its devices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "runtime/host/view/receivers.h"

enum { Q = 0x8100u << 16, AD = 0x88a8u << 16, OLD = 0x9100u << 16 };
enum { ETH = 2, ETH_5, ETH_5_7, ETH_AD7, BRIDGE, BRIDGE_9, OTHER, OTHER_5, DOWN };

static bool takes(const struct receivers *r, uint32_t by, uint32_t a, uint32_t b, uint32_t c)
{
    const uint32_t tags[3] = {a, b, c};
    return receivers_take(r, by, tags, c ? 3 : b ? 2 : a ? 1 : 0);
}

/* The frames of a machine without VLAN devices: Linux takes frames without a tag, or with one whose VID is 0. */
static void without_devices(void **state)
{
    (void)state;
    const struct receivers none = {0};
    assert_true(takes(&none, ETH, 0, 0, 0));
    assert_true(takes(&none, ETH, Q, 0, 0));
    assert_true(takes(&none, ETH, AD, 0, 0));
    assert_true(takes(&none, ETH, Q, Q, 0));
    assert_false(takes(&none, ETH, Q | 5, 0, 0));
    assert_false(takes(&none, ETH, AD | 5, 0, 0));
    assert_false(takes(&none, ETH, OLD | 5, 0, 0));
    assert_false(takes(&none, ETH, OLD, 0, 0));
    assert_false(takes(&none, ETH, Q | 5, Q, 0));
    assert_false(takes(&none, ETH, Q, Q | 5, 0));
    assert_false(takes(&none, ETH, Q, OLD, 0));
    assert_false(takes(&none, ETH, AD | 7, Q | 5, 0));
    assert_false(takes(&none, ETH, Q | 7, Q | 5, 0));
}

static void with_devices(void **state)
{
    (void)state;
    struct receiver all[] = {{ETH_5, Q | 7, ETH_5_7},   {ETH, Q | 5, ETH_5},     {ETH, AD | 7, ETH_AD7},
                             {BRIDGE, Q | 9, BRIDGE_9}, {OTHER, Q | 5, OTHER_5}, {ETH, 0, BRIDGE},
                             {ETH, Q | DOWN, 0}};
    struct receivers r = {all, sizeof all / sizeof *all};
    receivers_sort(&r);
    assert_true(takes(&r, ETH, Q | 5, 0, 0));
    assert_true(takes(&r, ETH, Q, Q | 5, 0) ==
                false); /* its bridge has taken it by then, and has no device for VID 5 */
    assert_true(takes(&r, OTHER, Q, Q | 5, 0));
    assert_true(takes(&r, ETH, Q | 5, Q, 0));
    assert_true(takes(&r, ETH, Q | 5, Q | 7, 0));
    assert_true(takes(&r, ETH, AD | 7, 0, 0));
    assert_true(takes(&r, ETH, Q | 9, 0, 0)); /* above the bridge */
    assert_false(takes(&r, OTHER, Q | 9, 0, 0));
    assert_false(takes(&r, ETH, Q | 7, 0, 0)); /* only 802.1ad's */
    assert_false(takes(&r, ETH, AD | 5, 0, 0));
    assert_false(takes(&r, ETH, Q | 5, Q | 6, 0));
    assert_false(takes(&r, ETH, Q | 5, Q | 7, Q | 5));
    assert_false(takes(&r, ETH, AD | 7, Q | 5, 0));
    assert_false(takes(&r, ETH, Q | DOWN, 0, 0));
}

/* A loop of masters, which Linux doesn't make, ends the search. */
static void masters_in_a_circle(void **state)
{
    (void)state;
    struct receiver all[] = {{ETH, 0, BRIDGE}, {BRIDGE, 0, ETH}};
    struct receivers r = {all, 2};
    receivers_sort(&r);
    assert_false(takes(&r, ETH, Q | 5, 0, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_devices),
        cmocka_unit_test(with_devices),
        cmocka_unit_test(masters_in_a_circle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
