/* Addresses that this machine answers for: the tables behind them, limits and room, counters. tests/packets/vips.t
 * shows which packets get which reply. */
#include "tests/unit/vm/sender.h"

#include "vm/packet/pool_priv.h"
#include "vm/packet/reply/frame.h"

#define RULES                                                                                                          \
    "pool web { server a 10.0.0.11 }\n"                                                                                \
    "service www on 203.0.113.10 tcp/80 { mode dsr l2; announce; -> web }\n"                                           \
    "firewall f default drop { accept ip as IP }\n"
#define ECHO_REQUEST "eth / ip4 198.51.100.1 > 203.0.113.10 / icmp type echo-request id 1 seq 1"
#define ASKED        "eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 203.0.113.10 tell 203.0.113.1"

static void cause_and_counters(void **state)
{
    (void)state;
    for (unsigned naive = 0; naive < 2; naive++) {
        struct sender s;
        sender_init(&s, RULES, naive);
        JUDGES(&s, ECHO_REQUEST, "accept IP -");
        assert_int_equal(s.v.done, 1);
        assert_int_equal(s.tx.count, 1);
        assert_int_equal(s.entries[0].kind, TX_SEND);
        assert_int_equal(s.entries[0].cause, TX_CAUSE_ECHO);
        assert_int_equal(s.entries[0].family, 0);
        assert_int_equal(s.entries[0].cookie, 4711);
        JUDGES(&s, ASKED, "pass - -");
        assert_int_equal(s.v.done, 1);
        assert_int_equal(s.tx.count, 1);
        assert_int_equal(s.entries[0].cause, TX_CAUSE_NEIGHBOUR);
        JUDGES(&s, "eth / arp who-has 203.0.113.11 tell 203.0.113.1", "pass - -");
        assert_int_equal(s.v.done, 0);
        assert_int_equal(vm_counters(s.vm)->answers, 2);
        assert_int_equal(vm_counters(s.vm)->services[0].packets, 0); /* no service took them */
        sender_adds_up(&s);
        sender_fini(&s);
    }
}

/* Packets held back are counted, and still don't go to the host. */
static void kept_back(void **state)
{
    (void)state;
    static const char *const texts[] = {ECHO_REQUEST, ASKED};
    for (unsigned i = 0; i < 2; i++) {
        struct sender s;
        struct pkt *held[SENDER_SLOTS];
        unsigned count = 0;
        sender_init(&s, RULES, false);
        while (s.pool->free_count) held[count++] = pool_get(s.pool);
        sender_judge(&s, texts[i]);
        assert_int_equal(s.v.done, 1);
        assert_int_equal(vm_counters(s.vm)->answers_no_buffer, 1);
        while (count) pool_put(held[--count]);
        s.tx.cap = 0;
        sender_judge(&s, texts[i]);
        assert_int_equal(s.v.done, 1);
        assert_int_equal(vm_counters(s.vm)->answers_no_buffer, 2);
        s.tx.cap = SENDER_ENTRIES;
        for (unsigned n = 0; n < 998; n++) sender_judge(&s, texts[i]);
        assert_int_equal(vm_counters(s.vm)->answers, 998);
        sender_judge(&s, texts[i]);
        assert_int_equal(s.v.done, 1);
        assert_int_equal(s.tx.count, 0);
        assert_int_equal(vm_counters(s.vm)->answers_limited, 1);
        sender_judge(&s, texts[!i]); /* the other kind has a separate one */
        assert_int_equal(s.tx.count, 1);
        sender_adds_up(&s);
        sender_fini(&s);
    }
}

/* Many addresses, of services in any order and of pools' ranges that touch, overlap and contain each other, against
 * a list. */
static void many_addresses(void **state)
{
    (void)state;
    enum { COUNT = 300, SOURCES = 40 };
    static char rules[40000];
    uint64_t seed = 5;
    size_t used = 0;
    uint8_t at[1024] = {0}; /* 10.1.0.0 + n: 1 a service announces it, 2 a pool has it, 4 a service is at it */
    for (unsigned i = 0; i < COUNT; i++) {
        const unsigned n = draw(&seed, 1024);
        const bool announce = draw(&seed, 2);
        at[n] |= announce ? 5 : 4;
        used += (size_t)snprintf(rules + used, sizeof(rules) - used,
                                 "service s%u on 10.1.%u.%u tcp/%u { mode dsr l2; %s-> web }\n", i, n >> 8, n & 255,
                                 i + 1, announce ? "announce; " : "");
    }
    for (unsigned i = 0; i < SOURCES; i++) {
        const unsigned lo = draw(&seed, 1000), hi = lo + draw(&seed, i % 2 ? 3 : 20);
        for (unsigned n = lo; n <= hi; n++) at[n] |= 2;
        used += (size_t)snprintf(rules + used, sizeof(rules) - used,
                                 "pool p%u { source 10.1.%u.%u-10.1.%u.%u; server a 10.0.0.11 }\n", i, lo >> 8,
                                 lo & 255, hi >> 8, hi & 255);
    }
    snprintf(rules + used, sizeof(rules) - used, "pool web { server a 10.0.0.11 }\n");
    struct sender s;
    sender_init(&s, rules, false);
    for (unsigned n = 0; n < 1024; n++) {
        char text[200];
        s.in.mono_ns += 10000000;
        snprintf(text, sizeof(text), "eth / arp who-has 10.1.%u.%u tell 10.2.0.1", n >> 8, n & 255);
        sender_judge(&s, text);
        if (s.tx.count != (at[n] & 3 ? 1 : 0)) fail_msg("%s: %u answers, %u", text, s.tx.count, at[n]);
        snprintf(text, sizeof(text), "eth / ip4 10.2.0.1 > 10.1.%u.%u / icmp type echo-request id 1 seq 1", n >> 8,
                 n & 255);
        sender_judge(&s, text);
        if (s.tx.count != (at[n] & 4 ? 1 : 0)) fail_msg("%s: %u answers, %u", text, s.tx.count, at[n]);
    }
    sender_fini(&s);
}

/* A program without addresses has nothing to send. */
static void no_addresses(void **state)
{
    (void)state;
    struct sender s;
    sender_init(&s, "pool web { server a 10.0.0.11 }\nservice www on any tcp/80 { mode dsr l2; -> web }\n", false);
    sender_judge(&s, ECHO_REQUEST);
    assert_int_equal(s.v.done, 0);
    sender_judge(&s, ASKED);
    assert_int_equal(s.v.done, 0);
    assert_int_equal(vm_counters(s.vm)->answers, 0);
    sender_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cause_and_counters),
        cmocka_unit_test(kept_back),
        cmocka_unit_test(many_addresses),
        cmocka_unit_test(no_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
