/* Stations that a bridge remembers: which frames cross, for how long, and how many `limits { macs N }` has room for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "runtime/worker/bridge.h"
#include "vm/packet/key.h"

#define MINUTE UINT64_C(60000000000)

/* True if a frame from one station to another crosses. */
static bool crosses(struct bridge *b, uint64_t from, uint64_t to, uint8_t port, uint64_t now_ns)
{
    uint8_t frame[60] = {0};
    struct pkt pkt;
    for (unsigned i = 0; i < 6; i++) {
        frame[i] = (uint8_t)(to >> (40 - 8 * i));
        frame[6 + i] = (uint8_t)(from >> (40 - 8 * i));
    }
    pkt_view(&pkt, frame, sizeof frame, sizeof frame, LINK_ETHER, IFACE_NONE);
    return bridge_crosses(b, &pkt, port, now_ns);
}

static void stations(void **state)
{
    (void)state;
    struct bridge b;
    const uint64_t a = 0x020000000001, c = 0x020000000002;
    assert_int_equal(bridge_init(&b, 4096), 0);
    assert_true(crosses(&b, a, c, 0, 0));
    assert_true(crosses(&b, c, a, 1, 0));
    assert_false(crosses(&b, c, a, 0, MINUTE));              /* it has moved to the other side */
    assert_true(crosses(&b, a, 0xffffffffffff, 0, MINUTE));  /* broadcast */
    assert_false(crosses(&b, 0x01005e000001, a, 0, MINUTE)); /* a group address as source teaches nothing */
    assert_true(crosses(&b, c, a, 1, 2 * MINUTE));
    assert_true(crosses(&b, c, a, 0, 7 * MINUTE)); /* silent for more than five minutes */
    bridge_fini(&b);
}

/* Count the stations, of `count` on one side, whose frames for each other still stay there. */
static unsigned kept(uint64_t macs, unsigned count)
{
    struct bridge b;
    unsigned n = 0;
    assert_int_equal(bridge_init(&b, macs), 0);
    for (unsigned i = 0; i < count; i++) crosses(&b, 0x020000000000 + i, 0xffffffffffff, 0, 0);
    for (unsigned i = 0; i < count; i++) n += !crosses(&b, 0, 0x020000000000 + i, 0, 0);
    bridge_fini(&b);
    return n;
}

static void room(void **state)
{
    (void)state;
    assert_int_equal(kept(16, 1000), 16);
    assert_true(kept(4096, 1000) > 800 && kept(4096, 100000) == 4096);
    assert_true(kept(1 << 20, 100000) > 90000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(stations), cmocka_unit_test(room)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
