/* The list of --flows: order, columns, totals, JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/report/flow_list.h"
#include "tests/lib/rng.h"

#define T0 UINT64_C(1767603600000000000) /* 5 January 2026, 09:00 UTC */
#define MS UINT64_C(1000000)

static const struct flow_record tcp = {
    .src = {0x0a000001},
    .dst = {0xcb00710a},
    .src_port = 50000,
    .dst_port = 443,
    .proto = 6,
    .family = 4,
    .state = FLOW_STATE_CLOSING,
    .end = FLOW_END_CLOSED,
    .vlan = {VLAN_UNTAGGED, VLAN_UNTAGGED},
    .began_ns = T0 + 5 * MS,
    .seen_ns = T0 + 1505 * MS,
    .ended_ns = T0 + 121505 * MS,
    .service = PBC_NONE,
    .server = PBC_NONE,
    .nat = PBC_NONE,
};
static const struct flow_record ping6 = {
    .src = {0x20010db8, 0, 0, 1},
    .dst = {0x20010db8, 0, 0, 2},
    .src_port = 7,
    .proto = 58,
    .family = 6,
    .state = FLOW_STATE_ICMP,
    .end = FLOW_ENDS,
    .vlan = {5, 7},
    .began_ns = T0,
    .seen_ns = T0,
    .service = PBC_NONE,
    .server = PBC_NONE,
    .nat = PBC_NONE,
};

static char *text;
static size_t text_len;

static const char *printed(const struct flow_list *l, const struct flow_counters *c, uint64_t remembered)
{
    free(text);
    FILE *out = open_memstream(&text, &text_len);
    if (c)
        flow_list_text(out, l, c, remembered);
    else
        flow_list_json(out, l);
    fclose(out);
    return text;
}

static void sides(void **state)
{
    (void)state;
    char b[FLOW_SIDE_TEXT], name[20];
    struct flow_record f = tcp;
    assert_string_equal(flow_side(&f, FLOW_ORIGINAL, b), "10.0.0.1:50000");
    assert_string_equal(flow_side(&f, FLOW_REPLY, b), "203.0.113.10:443");
    assert_string_equal(flow_protocol(&f, name, sizeof name), "tcp");
    f.proto = 47;
    assert_string_equal(flow_side(&f, FLOW_ORIGINAL, b), "10.0.0.1");
    assert_string_equal(flow_protocol(&f, name, sizeof name), "gre");
    f.proto = 253;
    assert_string_equal(flow_protocol(&f, name, sizeof name), "proto 253");
    f = ping6;
    assert_string_equal(flow_side(&f, FLOW_ORIGINAL, b), "2001:db8::1 id 7");
    assert_string_equal(flow_side(&f, FLOW_REPLY, b), "2001:db8::2");
    f.proto = 17;
    f.dst_port = 53;
    assert_string_equal(flow_side(&f, FLOW_REPLY, b), "[2001:db8::2]:53");
    for (unsigned i = 0; i < 4; i++) f.src[i] = 0xffffffff;
    f.src_port = 65535;
    assert_string_equal(flow_side(&f, FLOW_ORIGINAL, b), "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

static void table(void **state)
{
    (void)state;
    struct flow_list l = {0};
    const struct flow_counters c = {.live = {[FLOW_ESTABLISHED] = 1}, .most = 2, .added = 2};
    flow_list_add(&l, &tcp);
    flow_list_add(&l, &ping6);
    flow_list_sort(&l);
    assert_int_equal(l.ended, 1);
    assert_string_equal(
        printed(&l, &c, 1),
        "began         lasted  protocol  opened by         other side        vlan  state    end\n"
        "09:00:00.000  0 s     icmp6     2001:db8::1 id 7  2001:db8::2       5.7   two-way  open\n"
        "09:00:00.005  1.5 s   tcp       10.0.0.1:50000    203.0.113.10:443  -     closing  closed 09:02:01.505\n"
        "2 flows: 1 closed, 1 open (1 established); peak 2; verdicts remembered for 1 packet\n");
    flow_list_fini(&l);
}

/* The targets and translations of forwarded flows. */
static void with_servers(void **state)
{
    (void)state;
    char *servers[] = {"web/a", "web/b"};
    struct flow_list l = {.servers = servers};
    const struct flow_counters c = {.most = 1, .added = 1};
    struct flow_record f = tcp;
    f.service = 0;
    f.server = 1;
    f.to_src[0] = 0x0a090007;
    f.to_dst[0] = 0x0a00000b;
    f.to_src_port = 61017;
    f.to_dst_port = 8080;
    flow_list_add(&l, &ping6);
    flow_list_add(&l, &f);
    const char *listed = printed(&l, &c, 0);
    assert_non_null(strstr(listed, "server  sent as "));
    assert_non_null(strstr(listed, "web/b   10.9.0.7:61017 > 10.0.0.11:8080  closing"));
    assert_non_null(strstr(listed, "-       -  "));
    assert_non_null(strstr(printed(&l, NULL, 0),
                           ",\"server\":\"web/b\",\"sent_as\":{\"source\":{\"address\":\"10.9.0.7\",\"port\":61017},"
                           "\"destination\":{\"address\":\"10.0.0.11\",\"port\":8080}},\"state\""));
    flow_list_fini(&l);
}

static void over_midnight(void **state)
{
    (void)state;
    struct flow_list l = {0};
    const struct flow_counters c = {.most = 1, .added = 1};
    struct flow_record f = tcp;
    f.ended_ns = f.began_ns + UINT64_C(86400000000000);
    flow_list_add(&l, &f);
    assert_string_equal(printed(&l, &c, 0),
                        "began                    lasted  protocol  opened by       other side        state    end\n"
                        "2026-01-05 09:00:00.005  1.5 s   tcp       10.0.0.1:50000  203.0.113.10:443  closing  "
                        "closed 2026-01-06 09:00:00.005\n"
                        "1 flow: 1 closed, 0 open; peak 1\n");
    flow_list_fini(&l);
}

static void none(void **state)
{
    (void)state;
    struct flow_list l = {0};
    const struct flow_counters c = {0};
    flow_list_sort(&l);
    assert_string_equal(printed(&l, &c, 0), "0 flows: 0 open; peak 0\n");
    assert_string_equal(printed(&l, NULL, 0), "[]");
    l.left_out = 1234;
    assert_non_null(strstr(printed(&l, &c, 0), "\n1,234 more aren't listed, because there was no room\n"));
}

static void json(void **state)
{
    (void)state;
    struct flow_list l = {0};
    flow_list_add(&l, &ping6);
    flow_list_add(&l, &tcp);
    assert_string_equal(
        printed(&l, NULL, 0),
        "[\n\t\t{\"protocol\":\"icmp6\",\"opener\":{\"address\":\"2001:db8::1\"},\"other\":{\"address\":\"2001:db8::"
        "2\"},"
        "\"id\":7,\"vlans\":[5,7],\"state\":\"two-way\",\"end\":null,\"began\":\"2026-01-05T09:00:00.000000000Z\","
        "\"last\":\"2026-01-05T09:00:00.000000000Z\",\"ended\":null,\"lasted_ns\":0},"
        "\n\t\t{\"protocol\":\"tcp\",\"opener\":{\"address\":\"10.0.0.1\",\"port\":50000},"
        "\"other\":{\"address\":\"203.0.113.10\",\"port\":443},\"vlans\":[],\"state\":\"closing\",\"end\":\"closed\","
        "\"began\":\"2026-01-05T09:00:00.005000000Z\",\"last\":\"2026-01-05T09:00:01.505000000Z\","
        "\"ended\":\"2026-01-05T09:02:01.505000000Z\",\"lasted_ns\":1500000000}\n\t]");
    flow_list_fini(&l);
}

/* Each kind of end and class has a word, and a number that isn't 0. */
static void words(void **state)
{
    (void)state;
    uint64_t ended[FLOW_ENDS] = {0}, live[FLOW_CLASSES] = {0};
    char b[800];
    assert_string_equal(flow_ends_words(ended, b, sizeof b), "");
    for (unsigned i = 0; i < FLOW_ENDS; i++) ended[i] = UINT64_MAX;
    flow_ends_words(ended, b, sizeof b);
    for (unsigned i = 0; i < FLOW_ENDS; i++) assert_non_null(strstr(b, flow_end_name((enum flow_end)i)));
    live[FLOW_HALF_OPEN] = 1000;
    live[FLOW_ONE_WAY] = 2;
    assert_string_equal(flow_classes_words(live, b, sizeof b), "1,000 half-open, 2 one-way");
    for (unsigned i = 0; i < FLOW_CLASSES; i++) assert_non_null(flow_class_name((enum flow_class)i));
}

/* Flows are sorted, however they came. */
static void sorted(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    struct flow_list a = {0}, b = {0};
    struct rng rng = {9};
    struct flow_record all[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        all[i] = i % 3 ? tcp : ping6;
        all[i].began_ns = T0 + rng_below(&rng, 20);
        all[i].src_port = (uint16_t)rng_below(&rng, 3);
        all[i].dst[0] += rng_below(&rng, 2);
        all[i].end = (uint8_t)rng_below(&rng, FLOW_ENDS + 1);
    }
    for (unsigned i = 0; i < COUNT; i++) flow_list_add(&a, &all[i]);
    for (unsigned i = COUNT; i-- > 0;) flow_list_add(&b, &all[i]);
    flow_list_sort(&a);
    flow_list_sort(&b);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_memory_equal(&a.flows[i], &b.flows[i], sizeof a.flows[i]);
        if (i) assert_true(a.flows[i - 1].began_ns <= a.flows[i].began_ns);
    }
    flow_list_fini(&a);
    flow_list_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sides),         cmocka_unit_test(table),  cmocka_unit_test(with_servers),
        cmocka_unit_test(over_midnight), cmocka_unit_test(none),   cmocka_unit_test(json),
        cmocka_unit_test(words),         cmocka_unit_test(sorted),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(text);
    return failed;
}
