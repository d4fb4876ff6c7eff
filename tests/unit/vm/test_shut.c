/* Packets of a shut interface: by direction, except ARP, neighbour discovery and DHCP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vm/packet/facts.h"
#include "vm/packet/pkt.h"

/* True if the packet is stopped. kind: KIND_SRC_SELF, as a mark of this test, means that it crosses a bridge. */
static bool stops(uint32_t kind, uint16_t from, uint16_t to, uint32_t shut)
{
    const struct key key = {.kind = kind, .src_port = from, .dst_port = to};
    return key_is_shut(&key, shut, kind & KIND_SRC_SELF);
}

static void test_directions(void **state)
{
    (void)state;
    const uint32_t tcp = KIND_IP4 | KIND_TCP | KIND_PORTS;
    const uint32_t of[3][2] = {{KIND_IN, SHUT_ARRIVES}, {KIND_OUT, SHUT_SENT}, {KIND_FORWARD, SHUT_CROSSES}};
    for (unsigned i = 0; i < 3; i++)
        for (unsigned k = 0; k < 3; k++) assert_int_equal(stops(tcp | of[i][0], 1000, 22, of[k][1]), i == k);
    assert_true(stops(KIND_IN | KIND_IP6 | KIND_ICMP6, 0, 0, SHUT_ARRIVES));
    assert_true(stops(KIND_IN, 0, 0, SHUT_ARRIVES)); /* neither IP nor ARP */
}

static void test_spared(void **state)
{
    (void)state;
    const uint32_t udp = KIND_IN | KIND_UDP | KIND_PORTS, all = SHUT_ARRIVES | SHUT_SENT | SHUT_CROSSES;
    assert_false(stops(KIND_IN | KIND_ARP, 0, 0, all));
    assert_false(stops(KIND_IN | KIND_IP6 | KIND_ICMP6 | KIND_ND, 0, 0, all));
    assert_false(stops(udp | KIND_IP4, 67, 68, all));
    assert_false(stops(udp | KIND_IP4, 68, 67, all));
    assert_false(stops(udp | KIND_IP6, 547, 546, all));
    assert_true(stops(udp | KIND_IP4, 547, 546, all));
    assert_true(stops(udp | KIND_IP6, 67, 68, all));
    assert_true(stops(udp | KIND_IP4, 67, 53, all));
    assert_true(stops(udp | KIND_IP4, 66, 67, all));
    assert_true(stops(KIND_IN | KIND_IP4 | KIND_TCP | KIND_PORTS, 67, 68, all));
    assert_true(stops(KIND_IN | KIND_IP4 | KIND_UDP, 0, 0, all)); /* a later fragment */
    const uint32_t crosses = KIND_FORWARD | KIND_UDP | KIND_PORTS | KIND_IP4;
    assert_true(stops(crosses, 68, 67, all)); /* no router forwards a client's query */
    assert_false(stops(crosses | KIND_SRC_SELF, 68, 67, all));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_directions), cmocka_unit_test(test_spared)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
