/* Owners (vm/worker/owner.h): cases that random conversations (tests/diff/owners) don't reach. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/vm/world.h"
#include "vm/worker/owner.h"

#define POOLS                                                                                                          \
    "pool p { drain 10s; server a 10.0.0.1:80 }\n"                                                                     \
    "service s on 203.0.113.1 udp/53 { mode passthrough keep source; -> p }\n"

static struct owners *made(struct program *p, const struct owners *before, uint64_t now_ns)
{
    struct owners *o = owners_new(p, &(struct owners_cfg){.workers = 64, .seed = 3}, before, now_ns);
    assert_non_null(o);
    return o;
}

static unsigned owner(const struct owners *o, const char *notation)
{
    return vm_owner(o, NULL, &packet_of(notation)->pkt);
}

/* The server is gone, but its clients' packets find their worker for a day. */
static void test_after_reload(void **state)
{
    (void)state;
    struct program *old = world_compile(POOLS), *new = world_compile("firewall f default accept { accept udp }\n");
    struct owners *first = made(old, NULL, 0), *then = made(new, first, 100 * S), *last = made(new, then, 90000 * S);
    const char *asks = "eth / ip4 198.51.100.7 > 203.0.113.1 / udp 999 > 53",
               *answers = "eth / ip4 10.0.0.1 > 198.51.100.7 / udp 80 > 999";
    assert_int_equal(owner(first, asks), owner(first, answers));
    assert_int_equal(owner(then, asks), owner(first, asks));
    assert_int_equal(owner(then, answers), owner(first, asks));
    assert_int_not_equal(owner(last, answers), owner(first, asks));
    owners_free(first);
    owners_free(then);
    owners_free(last);
    program_put(old);
    program_put(new);
}

/* Addresses whose look-up begins in the same slot, more than a look-up reads, are still found. */
static void test_alike(void **state)
{
    (void)state;
    enum { ALIKE = WHOSE_PROBES + 6, MASK = 255 };
    static char rules[ALIKE * 100] = "pool p { server a 10.0.0.1:80 }\n";
    char asks[100];
    uint32_t found[ALIKE], n = 0;
    for (uint32_t addr = 0xcb000001; n < ALIKE; addr++)
        if (whose_slot(MASK, 4, (uint64_t)addr << 32, 0) == 7) found[n++] = addr;
    for (uint32_t i = 0; i < ALIKE; i++)
        snprintf(rules + strlen(rules), 100,
                 "service s%u on 203.%u.%u.%u udp/53 { mode passthrough keep source; -> p }\n", i, found[i] >> 16 & 255,
                 found[i] >> 8 & 255, found[i] & 255);
    struct program *p = world_compile(rules);
    struct owners *o = made(p, NULL, 0);
    for (uint32_t i = 0; i < ALIKE; i++) {
        snprintf(asks, sizeof asks, "eth / ip4 198.51.100.7 > 203.%u.%u.%u / udp 999 > 53", found[i] >> 16 & 255,
                 found[i] >> 8 & 255, found[i] & 255);
        assert_int_equal(owner(o, asks), owner(o, "eth / ip4 10.0.0.1 > 198.51.100.7 / udp 80 > 999"));
    }
    owners_free(o);
    program_put(p);
}

/* A host behind the nat reaches another by its map: the reply, which has no mapping, goes to our own address, and
 * shows only the mapped host. */
static void test_turned_back(void **state)
{
    (void)state;
    struct program *p = world_compile("interface wan = \"eth0\"\nnat home {\n"
                                      "  map 203.0.113.64/30 <-> 10.5.0.4/30 on wan\n"
                                      "  masquerade from 10.5.0.0/24 out on wan ports 20000-59999\n}\n");
    struct owners *o = made(p, NULL, 0);
    const uint32_t self[] = {0xcb007101};
    const struct facts_iface ifaces[] = {{.addr4 = self[0], .peer = IFACE_NONE}};
    const struct facts f = {
        .self4 = self, .self4_count = 1, .addr4 = self[0], .ifaces = ifaces, .ifaces_count = 1, .generation = 1};
    static const char *const there[] = {"eth / ip4 10.5.0.8 > 203.0.113.66 / sctp 59105 > 80 / zeros 16",
                                        "eth / ip4 10.5.0.9 > 203.0.113.66 / sctp 59106 > 80 / zeros 16",
                                        "eth / ip4 10.5.0.5 > 203.0.113.66 / sctp 59105 > 80 / zeros 16"};
    static const char *const back[] = {"eth / ip4 10.5.0.6 > 203.0.113.1 / sctp 80 > 59105 / zeros 16",
                                       "eth / ip4 10.5.0.6 > 203.0.113.1 / sctp 80 > 59106 / zeros 16",
                                       "eth / ip4 10.5.0.6 > 203.0.113.65 / sctp 80 > 59105 / zeros 16"};
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(vm_owner(o, &f, &packet_of(there[i])->pkt), vm_owner(o, &f, &packet_of(back[i])->pkt));
    owners_free(o);
    program_put(p);
}

/* A reply to a DHCP query has other addresses than the query, even one that is nobody's yet, and goes to the query's
 * worker; so does an advertisement. */
static void test_inquiries(void **state)
{
    (void)state;
    struct program *p = world_compile("firewall f default accept { accept state related }\n");
    struct program *served = world_compile("pool p { server a 10.0.0.1:67 }\n"
                                           "service s on 203.0.113.1 udp/67 { mode passthrough keep source; -> p }\n");
    struct owners *o = made(p, NULL, 0), *relays = made(served, NULL, 0);
    const uint32_t self[] = {0xcb007101};
    const struct facts_iface ifaces[] = {{.addr4 = self[0], .peer = IFACE_NONE}};
    const struct facts f = {
        .self4 = self, .self4_count = 1, .addr4 = self[0], .ifaces = ifaces, .ifaces_count = 1, .generation = 1};
    static const char *const all[] = {"eth / ip4 0.0.0.0 > 255.255.255.255 / udp 68 > 67",
                                      "eth / ip4 198.51.100.7 > 203.0.113.1 / udp 67 > 68",
                                      "eth / ip4 203.0.113.1 > 198.51.100.9 / udp 68 > 67",
                                      "eth / ip4 198.51.100.7 > 203.0.113.77 / udp 67 > 68",
                                      "eth / ip6 fe80::7 > ff02::1:2 / udp 546 > 547",
                                      "eth / ip6 fe80::7 > ff02::1 hop 255 / icmp6 type nd-router-advert / zeros 8"};
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
        assert_int_equal(vm_owner(o, &f, &packet_of(all[i])->pkt), 0);
    const char *other = "eth / ip4 198.51.100.7 > 203.0.113.77 / udp 67 > 99", *asks = all[2];
    assert_int_not_equal(vm_owner(o, &f, &packet_of(other)->pkt), 0);
    assert_int_equal(vm_owner(relays, &f, &packet_of("eth / ip4 198.51.100.7 > 203.0.113.1 / udp 68 > 67")->pkt),
                     vm_owner(relays, &f, &packet_of("eth / ip4 10.0.0.1 > 198.51.100.7 / udp 67 > 68")->pkt));
    assert_int_equal(vm_owner(relays, &f, &packet_of(asks)->pkt), 0);
    owners_free(o);
    owners_free(relays);
    program_put(p);
    program_put(served);
}

/* A prefix that wasn't needed at the start isn't used later, because flows would lose their worker. */
static void test_key_stays(void **state)
{
    (void)state;
    struct program *old = world_compile(POOLS),
                   *new = world_compile(POOLS "meter m = 5/s per source/24\nfirewall f default accept {\n"
                                              "  drop ip from 0.0.0.0/0 over m\n}\n");
    struct owners *first = made(old, NULL, 0), *then = made(new, first, S), *fresh = made(new, NULL, 0);
    const char *one = "eth / ip4 198.51.100.7 > 203.0.113.1 / udp 999 > 53",
               *near = "eth / ip4 198.51.100.8 > 203.0.113.1 / udp 998 > 53";
    assert_false(owners_need_restart(first));
    assert_true(owners_need_restart(then));
    assert_false(owners_need_restart(fresh));
    assert_int_equal(owner(then, one), owner(first, one));
    assert_int_equal(owner(fresh, one), owner(fresh, near));
    owners_free(first);
    owners_free(then);
    owners_free(fresh);
    program_put(old);
    program_put(new);
}

/* The fragments of a datagram go to one worker, and from the first one on to its owner. */
static void test_pieces(void **state)
{
    (void)state;
    struct program *p = world_compile(POOLS);
    struct owners *o = made(p, NULL, 0);
    struct datagrams *d = datagrams_new(p, 1);
    const char *later = "eth / ip4 198.51.100.7 > 203.0.113.1 id 5 frag 8 proto udp / payload x\"0001003500000000\"",
               *first = "eth / ip4 198.51.100.7 > 203.0.113.1 id 5 more / udp 999 > 53 / payload x\"0001003500000000\"";
    assert_int_equal(owner(o, later), owner(o, first));
    assert_true(owner(o, first) & VM_OWNER_FRAGMENT);
    assert_int_equal(datagram_owner(d, o, NULL, &packet_of(later)->pkt, S), VM_OWNER_UNKNOWN);
    const unsigned whose = owner(o, "eth / ip4 198.51.100.7 > 203.0.113.1 / udp 999 > 53");
    assert_int_equal(datagram_owner(d, o, NULL, &packet_of(first)->pkt, S), whose);
    assert_int_equal(datagram_owner(d, o, NULL, &packet_of(later)->pkt, 2 * S), whose);
    assert_int_equal(datagram_owner(d, o, NULL, &packet_of(later)->pkt, 100 * S), VM_OWNER_UNKNOWN);
    datagrams_free(d);
    owners_free(o);
    program_put(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_after_reload), cmocka_unit_test(test_alike),     cmocka_unit_test(test_turned_back),
        cmocka_unit_test(test_inquiries),    cmocka_unit_test(test_key_stays), cmocka_unit_test(test_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
