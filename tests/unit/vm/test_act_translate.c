/* Translation against packets whose checksums were computed in full. */
#include "tests/unit/vm/act.h"

#include <errno.h>
#include <stdio.h>

#include "vm/packet/edit/translate.h"

enum { SRC = TRANSLATE_SRC, DST = TRANSLATE_DST, SPORT = TRANSLATE_SRC_PORT, DPORT = TRANSLATE_DST_PORT, ALL = 15 };

/* Translations of 192.0.2.9 or 2001:db8:9::9 port 40000 to 10.9.9.9 or fd09::9 port 8080. */
static const struct translation to4 = {
    .src = {0xc0000209}, .dst = {0x0a090909}, .src_port = 40000, .dst_port = 8080, .what = ALL};
static const struct translation to6 = {.src = {0x20010db8, 0x00090000, 0, 9},
                                       .dst = {0xfd090000, 0, 0, 9},
                                       .src_port = 40000,
                                       .dst_port = 8080,
                                       .what = ALL};

static void becomes(const char *from, unsigned what, const char *to)
{
    struct pkt *pkt = slot_of(from);
    struct translation t = packet.key.kind & KIND_IP4 ? to4 : to6;
    t.what = (uint8_t)what;
    assert_int_equal(translate(pkt, &packet.key, &t), 0);
    check_bytes(pkt, to, from);
    pool_put(pkt);
    check_no_slot_lost();
}

static void test_ports(void **state)
{
    (void)state;
    becomes(
        "eth / ip4 1.1.1.1 > 2.2.2.2 ttl 9 opt x\"01010101\" / tcp 5 > 80 syn seq 7 / payload \"odd\" / pad 6", ALL,
        "eth / ip4 192.0.2.9 > 10.9.9.9 ttl 9 opt x\"01010101\" / tcp 40000 > 8080 syn seq 7 / payload \"odd\" / pad "
        "6");
    becomes("eth / vlan 5 / vlan 6 / ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80 / payload \"x\"", DST | DPORT,
            "eth / vlan 5 / vlan 6 / ip4 1.1.1.1 > 10.9.9.9 / udp 5 > 8080 / payload \"x\"");
    becomes("ip6 ::1 > ::2 / hbh / dst / tcp 5 > 80 ack / payload \"four\"", SRC | SPORT,
            "ip6 2001:db8:9::9 > ::2 / hbh / dst / tcp 40000 > 80 ack / payload \"four\"");
    becomes("sll / ip6 ::1 > ::2 / udp 5 > 80 / payload \"odd\"", ALL,
            "sll / ip6 2001:db8:9::9 > fd09::9 / udp 40000 > 8080 / payload \"odd\"");
    becomes("eth / ip4 1.1.1.1 > 2.2.2.2 / sctp 5 > 80 tag 9 / payload x\"0100000400000000\"", ALL,
            "eth / ip4 192.0.2.9 > 10.9.9.9 / sctp 40000 > 8080 tag 9 / payload x\"0100000400000000\"");
    becomes("eth / ip6 ::1 > ::2 / sctp 5 > 80 tag 9 / zeros 1300", DPORT,
            "eth / ip6 ::1 > ::2 / sctp 5 > 8080 tag 9 / zeros 1300");
    becomes("eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80", 0, "eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80");
}

static void test_udp_zero(void **state)
{
    (void)state;
    becomes("eth / ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80 csum 0 / payload \"x\"", ALL,
            "eth / ip4 192.0.2.9 > 10.9.9.9 / udp 40000 > 8080 csum 0 / payload \"x\"");
    becomes("eth / ip6 ::1 > ::2 / udp 5 > 80 csum 0 / payload \"x\"", ALL,
            "eth / ip6 2001:db8:9::9 > fd09::9 / udp 40000 > 8080 csum 0 / payload \"x\"");
    /* A checksum that becomes 0 is sent as 0xffff: the payload complements the rest of the sum. */
    struct pkt *pkt = slot_of("eth / ip4 192.0.2.9 > 10.9.9.9 / udp 40000 > 8080 / payload x\"0000\"");
    uint16_t lacks = (uint16_t)(pkt->data[40] << 8 | pkt->data[41]);
    pool_put(pkt);
    char from[200], to[200];
    snprintf(from, sizeof(from), "eth / ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80 / payload x\"%04x\"", lacks);
    snprintf(to, sizeof(to), "eth / ip4 192.0.2.9 > 10.9.9.9 / udp 40000 > 8080 csum 0xffff / payload x\"%04x\"",
             lacks);
    becomes(from, ALL, to);
}

/* An SCTP checksum of 0 was never computed. */
static void test_sctp_zero(void **state)
{
    (void)state;
    becomes("eth / ip4 1.1.1.1 > 2.2.2.2 / sctp 5 > 80 csum 0 / zeros 16", ALL,
            "eth / ip4 192.0.2.9 > 10.9.9.9 / sctp 40000 > 8080 csum 0 / zeros 16");
}

static void test_queries(void **state)
{
    (void)state;
    becomes("eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type 8 id 5 seq 3 / payload \"odd\"", ALL,
            "eth / ip4 192.0.2.9 > 10.9.9.9 / icmp type 8 id 40000 seq 3 / payload \"odd\"");
    becomes("eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type 0 id 5 seq 3", ALL,
            "eth / ip4 192.0.2.9 > 10.9.9.9 / icmp type 0 id 8080 seq 3");
    becomes("eth / ip6 ::1 > ::2 / icmp6 type 128 id 5 seq 3 / payload \"odd\"", ALL,
            "eth / ip6 2001:db8:9::9 > fd09::9 / icmp6 type 128 id 40000 seq 3 / payload \"odd\"");
    becomes("eth / ip6 ::1 > ::2 / icmp6 type 129 id 5 seq 3", DST | DPORT,
            "eth / ip6 ::1 > fd09::9 / icmp6 type 129 id 8080 seq 3");
    for (unsigned type = 13; type <= 18; type++) {
        char from[200], to[200];
        snprintf(from, sizeof(from), "eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type %u id 5 / zeros 12", type);
        snprintf(to, sizeof(to), "eth / ip4 192.0.2.9 > 10.9.9.9 / icmp type %u id %u / zeros 12", type,
                 type % 2 ? 40000 : 8080);
        becomes(from, ALL, to);
    }
    /* Not a query: no identifier. */
    becomes("eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type 9 id 5", ALL, "eth / ip4 192.0.2.9 > 10.9.9.9 / icmp type 9 id 5");
    becomes("eth / ip6 ::1 > ::2 / icmp6 type 139 id 5", ALL,
            "eth / ip6 2001:db8:9::9 > fd09::9 / icmp6 type 139 id 5");
}

static void test_other_protocols(void **state)
{
    (void)state;
    becomes("eth / ip4 1.1.1.1 > 2.2.2.2 / esp spi 9", ALL, "eth / ip4 192.0.2.9 > 10.9.9.9 / esp spi 9");
    becomes("eth / ip6 ::1 > ::2 / gre / zeros 9", ALL, "eth / ip6 2001:db8:9::9 > fd09::9 / gre / zeros 9");
    becomes("eth / ip4 1.1.1.1 > 2.2.2.2 proto 58 / zeros 20", ALL,
            "eth / ip4 192.0.2.9 > 10.9.9.9 proto 58 / zeros 20");
    becomes("eth / ip6 ::1 > ::2 next 1 / zeros 20", ALL, "eth / ip6 2001:db8:9::9 > fd09::9 next 1 / zeros 20");
    becomes("eth / ip4 1.1.1.1 > 2.2.2.2 proto 33 / zeros 3", ALL, "eth / ip4 192.0.2.9 > 10.9.9.9 proto 33 / zeros 3");
}

/* DCCP and UDP-Lite have a checksum with a pseudo header, which the notation lacks. */
static void test_unparsed_sums(void **state)
{
    (void)state;
    static const unsigned protos[] = {33, 136};
    for (unsigned i = 0; i < 2; i++) {
        char text[200];
        snprintf(text, sizeof(text), "ip4 1.1.1.1 > 2.2.2.2 proto %u / payload x\"0005005000100000ffff010203040506\"",
                 protos[i]);
        struct pkt *pkt = slot_of(text);
        uint32_t len = 16, pseudo = 0x0101 + 0x0101 + 0x0202 + 0x0202 + protos[i] + len;
        uint16_t sum = plain_sum(pkt->data + 20, len, pseudo);
        pkt->data[26] = (uint8_t)(sum >> 8);
        pkt->data[27] = (uint8_t)sum;
        assert_int_equal(translate(pkt, &packet.key, &to4), 0);
        pseudo = 0xc000 + 0x0209 + 0x0a09 + 0x0909 + protos[i] + len;
        assert_int_equal(plain_sum(pkt->data + 20, len, pseudo), 0);
        assert_int_equal(plain_sum(pkt->data, 20, 0), 0);
        assert_memory_equal(pkt->data + 20, "\0\5\0\120", 4);
        pool_put(pkt);
    }
}

static void test_fragments(void **state)
{
    (void)state;
    becomes("eth / ip4 1.1.1.1 > 2.2.2.2 more / udp 5 > 80 len 3000 csum 0x1111 / zeros 16", ALL,
            "eth / ip4 192.0.2.9 > 10.9.9.9 more / udp 40000 > 8080 len 3000 csum 0x867f / zeros 16");
    becomes("eth / ip4 1.1.1.1 > 2.2.2.2 more / tcp 5 > 80 ack / zeros 20", ALL,
            "eth / ip4 192.0.2.9 > 10.9.9.9 more / tcp 40000 > 8080 ack / zeros 20");
    becomes("eth / ip4 1.1.1.1 > 2.2.2.2 frag 64 more proto tcp / zeros 24", ALL,
            "eth / ip4 192.0.2.9 > 10.9.9.9 frag 64 more proto tcp / zeros 24");
    becomes("eth / ip6 ::1 > ::2 / frag6 0 more / udp 5 > 80 / zeros 16", ALL,
            "eth / ip6 2001:db8:9::9 > fd09::9 / frag6 0 more / udp 40000 > 8080 / zeros 16");
    becomes("eth / ip6 ::1 > ::2 / frag6 64 next 17 / zeros 24", ALL,
            "eth / ip6 2001:db8:9::9 > fd09::9 / frag6 64 next 17 / zeros 24");
    becomes("eth / ip6 ::1 > ::2 / frag6 0 / sctp 5 > 80 tag 1 / zeros 16", ALL,
            "eth / ip6 2001:db8:9::9 > fd09::9 / frag6 0 / sctp 40000 > 8080 tag 1 / zeros 16");
    becomes("eth / ip4 1.1.1.1 > 2.2.2.2 more / sctp 5 > 80 csum 0x12345678 / zeros 12", SRC | DST,
            "eth / ip4 192.0.2.9 > 10.9.9.9 more / sctp 5 > 80 csum 0x12345678 / zeros 12");
    becomes("eth / ip4 1.1.1.1 > 2.2.2.2 frag 64 proto sctp / zeros 24", ALL,
            "eth / ip4 192.0.2.9 > 10.9.9.9 frag 64 proto sctp / zeros 24");
}

static void test_refused(void **state)
{
    (void)state;
    const char *fragment = "eth / ip4 1.1.1.1 > 2.2.2.2 more / sctp 5 > 80 / zeros 12";
    struct pkt *pkt = slot_of(fragment);
    assert_int_equal(translate(pkt, &packet.key, &to4), -EOPNOTSUPP);
    check_bytes(pkt, fragment, "refused");
    pool_put(pkt);
    packet_of("eth / ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80");
    assert_int_equal(translate(&packet.pkt, &packet.key, &to4), -EROFS);
    pkt = slot_of("eth / arp who-has 1.1.1.1 tell 2.2.2.2");
    assert_int_equal(translate(pkt, &packet.key, &to4), -EINVAL);
    pool_put(pkt);
}

static void test_cut_by_the_capture(void **state)
{
    (void)state;
    becomes("eth / ip4 1.1.1.1 > 2.2.2.2 / sctp 5 > 80 tag 1 / zeros 500 / cut 60", ALL,
            "eth / ip4 192.0.2.9 > 10.9.9.9 / sctp 40000 > 8080 tag 1 / zeros 500 / cut 60");
    becomes("eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80 / zeros 500 / cut 60", ALL,
            "eth / ip4 192.0.2.9 > 10.9.9.9 / tcp 40000 > 8080 / zeros 500 / cut 60");
}

/* A routing header with segments left: the pseudo header has the last destination, which is in that header. */
static void test_routed(void **state)
{
    (void)state;
    for (unsigned left = 0; left < 2; left++) {
        char text[300];
        snprintf(
            text, sizeof(text),
            "ip6 ::1 > ::2 / routing type 2 left %u data 0 opt x\"fd000000000000000000000000000007\" / udp 5 > 80 / "
            "payload \"odd\"",
            left);
        struct pkt *pkt = slot_of(text);
        uint8_t *p = pkt->data, pseudo[40] = {0};
        for (unsigned pass = 0; pass < 2; pass++) {
            memcpy(pseudo, p + 8, 16);
            memcpy(pseudo + 16, left ? p + 48 : p + 24, 16);
            pseudo[35] = 11; /* length */
            pseudo[39] = 17;
            uint16_t sum = plain_sum(p + 64, 11, (uint16_t)~plain_sum(pseudo, 40, 0));
            if (pass) {
                assert_int_equal(sum, 0);
            } else {
                p[70] = p[71] = 0;
                sum = plain_sum(p + 64, 11, (uint16_t)~plain_sum(pseudo, 40, 0));
                p[70] = (uint8_t)(sum >> 8);
                p[71] = (uint8_t)sum;
                assert_int_equal(translate(pkt, &packet.key, &to6), 0);
            }
        }
        pool_put(pkt);
    }
}

/* A partial checksum is the pseudo header's sum, not complemented. */
static void test_partial(void **state)
{
    (void)state;
    struct pkt *pkt = slot_of("ip4 1.1.1.1 > 2.2.2.2 / tcp 5 > 80 csum 0x0621 / payload \"x\""); /* 606 + 6 + 21 */
    pkt->flags |= PKT_CSUM_PARTIAL;
    assert_int_equal(translate(pkt, &packet.key, &to4), 0);
    uint32_t sum = 0xc000 + 0x0209 + 0x0a09 + 0x0909 + 6 + 21;
    assert_int_equal(pkt->data[36] << 8 | pkt->data[37], sum);
    assert_true(pkt->flags & PKT_CSUM_PARTIAL);
    pool_put(pkt);
    pkt = slot_of("ip4 1.1.1.1 > 2.2.2.2 / sctp 5 > 80 csum 0x11223344");
    pkt->flags |= PKT_CSUM_PARTIAL;
    assert_int_equal(translate(pkt, &packet.key, &to4), 0);
    assert_memory_equal(pkt->data + 20, "\x9c\x40\x1f\x90", 4);
    assert_memory_equal(pkt->data + 28, "\x11\x22\x33\x44", 4);
    pool_put(pkt);
}

/* Ends of a random translation, for packets of every shape, as notation. */
struct ends {
    char src[50], dst[50];
    unsigned sport, dport;
    struct translation t;
};

static void draw_ends(struct ends *e, bool v6, struct rng *r)
{
    *e = (struct ends){.sport = rng_below(r, 65536), .dport = rng_below(r, 65536)};
    for (unsigned i = 0; i < (v6 ? 4 : 1); i++) {
        e->t.src[i] = rng_one_in(r, 8) ? 0 : (uint32_t)rng_next(r);
        e->t.dst[i] = rng_one_in(r, 8) ? UINT32_MAX : (uint32_t)rng_next(r);
    }
    e->t.src_port = (uint16_t)e->sport;
    e->t.dst_port = (uint16_t)e->dport;
    e->t.what = ALL;
    for (unsigned side = 0; side < 2; side++) {
        const uint32_t *a = side ? e->t.dst : e->t.src;
        char *out = side ? e->dst : e->src;
        if (v6)
            snprintf(out, 50, "%x:%x:%x:%x:%x:%x:%x:%x", a[0] >> 16, a[0] & 0xffff, a[1] >> 16, a[1] & 0xffff,
                     a[2] >> 16, a[2] & 0xffff, a[3] >> 16, a[3] & 0xffff);
        else
            snprintf(out, 50, "%u.%u.%u.%u", a[0] >> 24, a[0] >> 16 & 255, a[0] >> 8 & 255, a[0] & 255);
    }
}

static void shape(char *out, size_t size, const struct ends *e, bool v6, unsigned kind, struct rng r)
{
    static const char *const links[] = {"eth / ", "eth / vlan 9 / ", "", "sll / ", "eth / vlan 1 / vlan 2 / "};
    static const char *const options4[] = {"", " opt x\"01010101\"", " ttl 1 df", " more"};
    static const char *const chains6[] = {"", " / hbh", " / hbh / dst", " / frag6 0", " / frag6 0 more", " / dst / ah"};
    char payload[300] = "";
    unsigned len = rng_below(&r, 60), at = 0;
    const char *link = links[rng_below(&r, 5)];
    const char *option = v6 ? chains6[rng_below(&r, 6)] : options4[rng_below(&r, 4)];
    if (strstr(option, "more")) len = 8 + len / 8 * 8 + (kind == 2 ? 4 : kind == 0 || kind == 5 ? 4 : 0);
    if (strstr(option, "more") && kind == 2) option = "";
    for (unsigned i = 0; i < len; i++)
        at += (unsigned)snprintf(payload + at, sizeof(payload) - at, "%02x", rng_below(&r, 256));
    char upper[200];
    switch (kind) {
    case 0: snprintf(upper, sizeof(upper), "tcp %u > %u ack seq %u", e->sport, e->dport, rng_below(&r, 99999)); break;
    case 1: snprintf(upper, sizeof(upper), "udp %u > %u", e->sport, e->dport); break;
    case 2: snprintf(upper, sizeof(upper), "sctp %u > %u tag %u", e->sport, e->dport, rng_below(&r, 99999)); break;
    case 3:
        snprintf(upper, sizeof(upper), "%s type %u id %u seq 3", v6 ? "icmp6" : "icmp", v6 ? 128 : 8, e->sport);
        break;
    case 4:
        snprintf(upper, sizeof(upper), "%s type %u id %u seq 3", v6 ? "icmp6" : "icmp", v6 ? 129 : 0, e->dport);
        break;
    default: snprintf(upper, sizeof(upper), "gre"); break;
    }
    snprintf(out, size, "%s%s %s > %s%s / %s / payload x\"%s\"", link, v6 ? "ip6" : "ip4", e->src, e->dst, option,
             upper, payload);
}

static void test_like_computed_in_full(void **state)
{
    (void)state;
    struct rng r = {4};
    for (unsigned i = 0; i < 6000; i++) {
        char from[900], to[900];
        struct ends a, b;
        bool v6 = i & 1;
        unsigned kind = rng_below(&r, 6);
        draw_ends(&a, v6, &r);
        draw_ends(&b, v6, &r);
        struct rng same = {rng_next(&r)};
        shape(from, sizeof(from), &a, v6, kind, same);
        shape(to, sizeof(to), &b, v6, kind, same);
        struct pkt *pkt = slot_of(from);
        assert_int_equal(translate(pkt, &packet.key, &b.t), 0);
        check_bytes(pkt, to, from);
        struct key key;
        assert_int_equal(pkt_parse(pkt, &no_facts, &key), REASON_NONE);
        assert_int_equal(translate(pkt, &key, &a.t), 0);
        check_bytes(pkt, from, to);
        pool_put(pkt);
    }
}

/* A wrong checksum stays equally wrong: there and back is the identity, whatever the field contains. */
static void test_wrong_stays_wrong(void **state)
{
    (void)state;
    struct rng r = {5};
    for (unsigned i = 0; i < 4000; i++) {
        static const unsigned field[] = {16, 6, 8, 2, 2};
        char text[900];
        uint8_t before[4096];
        struct ends a, b;
        bool v6 = i & 1;
        unsigned kind = rng_below(&r, 5);
        draw_ends(&a, v6, &r);
        draw_ends(&b, v6, &r);
        shape(text, sizeof(text), &a, v6, kind, (struct rng){rng_next(&r)});
        struct pkt *pkt = slot_of(text);
        uint8_t *sum = pkt->data + pkt->l4 + field[kind];
        sum[0] ^= (uint8_t)(1 + rng_below(&r, 254));
        sum[1] ^= (uint8_t)(1 + rng_below(&r, 254));
        memcpy(before, pkt->data, pkt->head_len);
        assert_int_equal(translate(pkt, &packet.key, &b.t), 0);
        char right[900];
        note_print(pkt->data, pkt->head_len, pkt->link, right, sizeof(right));
        assert_true(strstr(right, "csum") || strstr(right, "raw"));
        assert_int_equal(translate(pkt, &packet.key, &a.t), 0);
        if (memcmp(before, pkt->data, pkt->head_len) != 0) fail_msg("%s", text);
        pool_put(pkt);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_udp_zero),
        cmocka_unit_test(test_sctp_zero),
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_other_protocols),
        cmocka_unit_test(test_unparsed_sums),
        cmocka_unit_test(test_fragments),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_cut_by_the_capture),
        cmocka_unit_test(test_routed),
        cmocka_unit_test(test_partial),
        cmocka_unit_test(test_like_computed_in_full),
        cmocka_unit_test(test_wrong_stays_wrong),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
