/* The builders' output: compared with the same frame in packet notation, parsed again, its checksums computed in the
 * plainest way; over Ethernet, VLAN stacks and bare IP; and what they reject. */
#include "tests/unit/vm/packet.h"

#include <errno.h>

#include "vm/packet/pool_priv.h"
#include "vm/packet/reply/frame.h"

enum { SLOTS = 4, ICMP = 1, TCP = 6, ICMP6 = 58 };

static struct pool *pool;
static void *memory;

static int setup(void **state)
{
    (void)state;
    size_t bytes = pool_bytes(SLOTS, 2048);
    memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    pool = pool_init(memory, bytes, SLOTS, 2048);
    return pool ? 0 : -1;
}

static int teardown(void **state)
{
    free(memory);
    return packet_free(state);
}

static uint32_t sum_of(const uint8_t *p, size_t len) { return (uint16_t)~plain_sum(p, len, 0); }

/* Parse the reply strictly, and check both checksums independently; IPv6 and TCP with their pseudo header. */
static void check_sums(const struct pkt *out, struct pkt *again, struct key *key)
{
    static const struct facts strict = {.drop_bad_checksum = true};
    *again = *out;
    again->flags = 0;
    assert_int_equal(pkt_parse(again, &strict, key), REASON_NONE);
    assert_int_equal(again->flags, 0);
    if (!(key->kind & KIND_IP)) return;
    const uint8_t *ip = out->data + again->l3, *upper = out->data + again->l4;
    uint32_t len = (uint32_t)again->l3_end - again->l4, start = 0;
    assert_int_equal(again->l3_end, out->head_len);
    if (key->kind & KIND_IP4) {
        assert_int_equal(plain_sum(ip, 20, 0), 0);
        if (key->proto == TCP) start = sum_of(ip + 12, 8) + key->proto + len;
    } else {
        start = sum_of(ip + 8, 32) + key->proto + len;
    }
    assert_int_equal(plain_sum(upper, len, (start & 0xffff) + (start >> 16)), 0);
}

/* Check that the reply equals this frame, byte for byte, on the same link and with the same tags. */
static void check_answer(struct pkt *out, const char *expected)
{
    struct pkt again;
    struct key key;
    check_sums(out, &again, &key);
    const struct note *n = packet_note(expected);
    char text[2000];
    note_print(out->data, out->head_len, out->link, text, sizeof(text));
    if (out->head_len != n->wire_len || memcmp(out->data, n->bytes, n->wire_len) != 0)
        fail_msg("%s\nexpected %s", text, expected);
    assert_int_equal(out->link, n->link);
    assert_int_equal(out->tag_count, n->tag_count);
    assert_memory_equal(out->tags, n->tags, n->tag_count * sizeof(n->tags[0]));
    assert_int_equal(out->iface, 7);
    assert_int_equal(out->cap_len, out->head_len);
    assert_int_equal(out->wire_len, out->head_len);
    pool_put(out);
    assert_int_equal(pool->free_count, SLOTS);
}

static void rst(const char *request, const char *expected)
{
    struct pkt *out = NULL;
    packet_of(request);
    assert_int_equal(build_rst(&packet.pkt, &packet.key, pool, &out), 0);
    check_answer(out, expected);
}

static void test_rst(void **state)
{
    (void)state;
    rst("eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1000 > 80 syn seq 41 ack 7",
        "eth back / ip4 2.2.2.2 > 1.1.1.1 df id 0 / tcp 80 > 1000 rst ack seq 0 ack 42 win 0");
    rst("eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1000 > 80 ack seq 41 ack 77 / payload \"data\"",
        "eth back / ip4 2.2.2.2 > 1.1.1.1 df id 0 / tcp 80 > 1000 rst seq 77 ack 0 win 0");
    rst("eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1000 > 80 fin seq 0xffffffff opt x\"01010101\" / payload \"data\" / pad 9",
        "eth back / ip4 2.2.2.2 > 1.1.1.1 df id 0 / tcp 80 > 1000 rst ack seq 0 ack 4 win 0");
    rst("eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1000 > 80 seq 5",
        "eth back / ip4 2.2.2.2 > 1.1.1.1 df id 0 / tcp 80 > 1000 rst ack seq 0 ack 5 win 0");
    rst("eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1000 > 80 syn seq 41 / zeros 1400 / cut 54",
        "eth back / ip4 2.2.2.2 > 1.1.1.1 df id 0 / tcp 80 > 1000 rst ack seq 0 ack 1442 win 0");
    rst("eth / ip6 2001:db8::1 > 2001:db8::2 / dst / tcp 1000 > 80 syn seq 41",
        "eth back / ip6 2001:db8::2 > 2001:db8::1 / tcp 80 > 1000 rst ack seq 0 ack 42 win 0");
}

static void test_links(void **state)
{
    (void)state;
    rst("eth 02:00:00:00:00:05 > 02:00:00:00:00:06 / vlan 5 pcp 3 tpid 0x88a8 / vlan 6 / ip4 1.1.1.1 > 2.2.2.2 / tcp "
        "1000 > 80 seq 5",
        "eth 02:00:00:00:00:06 > 02:00:00:00:00:05 / vlan 5 pcp 3 tpid 0x88a8 / vlan 6 / ip4 2.2.2.2 > 1.1.1.1 df id 0 "
        "/ "
        "tcp 80 > 1000 rst ack seq 0 ack 5 win 0");
    rst("eth / vlan 7 / ip6 ::1 > ::2 / tcp 1000 > 80 seq 5 / taken 5 / taken 6 tpid 0x88a8",
        "eth back / vlan 7 / ip6 ::2 > ::1 / tcp 80 > 1000 rst ack seq 0 ack 5 win 0 / taken 5 / taken 6 tpid 0x88a8");
    static const char *const bare[] = {"", "sll / ", "sll2 / ", "null / ", "loop / "};
    for (unsigned i = 0; i < 5; i++) {
        char request[200];
        snprintf(request, sizeof(request), "%sip4 1.1.1.1 > 2.2.2.2 / tcp 1000 > 80 seq 5", bare[i]);
        rst(request, "ip4 2.2.2.2 > 1.1.1.1 df id 0 / tcp 80 > 1000 rst ack seq 0 ack 5 win 0");
    }
}

/* Options as Linux writes them: all of them, some, none; in a reply and in a packet that replaces the original. */
static void test_segment_options(void **state)
{
    (void)state;
    static const struct {
        struct tcp_options o;
        const char *bytes;
    } rows[] = {
        {{.mss = 1460, .sack_ok = true, .has_stamps = true, .has_scale = true, .scale = 7, .stamp = 0x11, .echo = 0x22},
         " opt x\"020405b40402080a000000110000002201030307\""},
        {{.mss = 536, .has_stamps = true, .stamp = 1}, " opt x\"020402180101080a0000000100000000\""},
        {{.mss = 536, .sack_ok = true}, " opt x\"0204021804020101\""},
        {{.has_scale = true}, " opt x\"01030300\""},
        {{0}, ""},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct flow_segment s = {
            .seq = 7, .ack = 9, .window = 3, .flags = TCP_SYN | TCP_ACK, .options = rows[i].o};
        struct pkt *out = NULL;
        char expected[300];
        packet_of(
            "eth 02:00:00:00:00:05 > 02:00:00:00:00:06 / vlan 5 / ip4 1.1.1.1 > 2.2.2.2 ttl 9 id 3 / tcp 1000 > 80 "
            "syn seq 8 / payload \"x\"");
        assert_int_equal(build_tcp_reply(&packet.pkt, &packet.key, &s, pool, &out), 0);
        snprintf(expected, sizeof(expected),
                 "eth 02:00:00:00:00:06 > 02:00:00:00:00:05 / vlan 5 / ip4 2.2.2.2 > 1.1.1.1 df id 0 / tcp 80 > 1000 "
                 "syn ack seq 7 ack 9 win 3%s",
                 rows[i].bytes);
        check_answer(out, expected);
        packet_of("eth / vlan 5 / ip6 ::1 > ::2 hop 9 / hbh / tcp 1000 > 80 ack seq 8 / payload \"x\"");
        assert_int_equal(build_tcp_instead(&packet.pkt, &packet.key, &s, pool, &out), 0);
        snprintf(expected, sizeof(expected),
                 "eth / vlan 5 / ip6 ::1 > ::2 hop 9 / tcp 1000 > 80 syn ack seq 7 ack 9 win 3%s", rows[i].bytes);
        check_answer(out, expected);
    }
    packet_of("eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2");
    struct pkt *out = NULL;
    assert_int_equal(build_tcp_reply(&packet.pkt, &packet.key, &(struct flow_segment){0}, pool, &out), -EINVAL);
    assert_int_equal(build_tcp_instead(&packet.pkt, &packet.key, &(struct flow_segment){0}, pool, &out), -EINVAL);
}

static void test_rst_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 rst",
        "eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2",
        "eth / ip4 1.1.1.1 > 2.2.2.2 frag 16 proto tcp / zeros 40",
        "eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 off 4",
        "eth / arp who-has 10.0.0.1 tell 10.0.0.2",
    };
    for (unsigned i = 0; i < 5; i++) {
        struct pkt *out = NULL;
        packet_of(rows[i]);
        assert_int_equal(build_rst(&packet.pkt, &packet.key, pool, &out), -EINVAL);
        assert_null(out);
    }
    assert_int_equal(pool->free_count, SLOTS);
}

static void echo(const char *request, const char *expected)
{
    struct pkt *out = NULL;
    packet_of(request);
    assert_int_equal(build_echo_reply(&packet.pkt, &packet.key, pool, &out), 0);
    check_answer(out, expected);
}

static void test_echo(void **state)
{
    (void)state;
    echo("eth / ip4 1.1.1.1 > 2.2.2.2 ttl 9 id 77 tos 0xb8 df opt x\"01010101\" / icmp type 8 id 5 seq 9 / payload "
         "\"odd\" / pad 5",
         "eth back / ip4 2.2.2.2 > 1.1.1.1 id 77 tos 0xb8 df / icmp type 0 id 5 seq 9 / payload \"odd\"");
    echo("eth / vlan 9 / ip4 1.1.1.1 > 2.2.2.2 / icmp type 8 id 5 seq 9",
         "eth back / vlan 9 / ip4 2.2.2.2 > 1.1.1.1 / icmp type 0 id 5 seq 9");
    echo("eth / ip6 fe80::1 > fe80::2 / hbh / icmp6 type 128 id 5 seq 9 / payload \"12345\"",
         "eth back / ip6 fe80::2 > fe80::1 / icmp6 type 129 id 5 seq 9 / payload \"12345\"");
    echo("eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type 8 / zeros 1878",
         "eth back / ip4 2.2.2.2 > 1.1.1.1 / icmp type 0 / zeros 1878");
}

static void test_echo_refused(void **state)
{
    (void)state;
    static const struct {
        const char *notation;
        int err;
    } rows[] = {
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type 0", -EINVAL},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type 8 code 1", -EINVAL},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type 8 csum 0x1234", -EINVAL},
        {"eth / ip6 ::1 > ::2 / icmp6 type 128 csum 0x1234", -EINVAL},
        {"eth / ip6 ::1 > ::2 / icmp6 type 8", -EINVAL},
        {"eth / ip4 1.1.1.1 > 224.0.0.1 / icmp type 8", -EINVAL},
        {"eth / ip4 1.1.1.1 > 255.255.255.255 / icmp type 8", -EINVAL},
        {"eth / ip6 ::1 > ff02::1 / icmp6 type 128", -EINVAL},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 more / icmp type 8 / zeros 8", -EINVAL},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type 8 / zeros 8 / cut 49", -EINVAL},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type 8 / zeros 1879", -EMSGSIZE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pkt *out = NULL;
        packet_of(rows[i].notation);
        assert_int_equal(build_echo_reply(&packet.pkt, &packet.key, pool, &out), rows[i].err);
        assert_int_equal(pool->free_count, SLOTS);
    }
}

static void unreachable(const char *request, enum build_unreachable what, const char *expected)
{
    struct pkt *out = NULL;
    packet_of(request);
    assert_int_equal(build_unreachable(&packet.pkt, &packet.key, what, pool, &out), 0);
    check_answer(out, expected);
}

static void test_unreachable(void **state)
{
    (void)state;
    static const unsigned code4[] = {0, 1, 3, 13}, code6[] = {0, 3, 4, 1};
    char expected[300];
    for (unsigned what = 0; what < 4; what++) {
        snprintf(expected, sizeof(expected),
                 "eth back / ip4 2.2.2.2 > 1.1.1.1 df id 0 tos 0xc0 / icmp type 3 code %u / "
                 "ip4 1.1.1.1 > 2.2.2.2 id 7 ttl 9 opt x\"01010101\" / udp 5 > 6 / payload \"query\"",
                 code4[what]);
        unreachable("eth / ip4 1.1.1.1 > 2.2.2.2 id 7 ttl 9 opt x\"01010101\" / udp 5 > 6 / payload \"query\" / pad 7",
                    what, expected);
        snprintf(expected, sizeof(expected),
                 "eth back / ip6 ::2 > ::1 / icmp6 type 1 code %u / ip6 ::1 > ::2 hop 9 / dst / udp 5 > 6 / payload "
                 "\"query\"",
                 code6[what]);
        unreachable("eth / ip6 ::1 > ::2 hop 9 / dst / udp 5 > 6 / payload \"query\"", what, expected);
    }
}

/* The quote has the maximum length, 576 and 1,280 bytes in total, but never more than was captured. */
static void test_quotes(void **state)
{
    (void)state;
    static const struct {
        const char *request;
        unsigned headers, size;
    } rows[] = {
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 6 / zeros 519", 14, 575},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 6 / zeros 520", 14, 576},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 6 / zeros 1472", 14, 576},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 6 / zeros 1472 / cut 142", 14, 156},
        {"eth / ip6 ::1 > ::2 / udp 5 > 6 / zeros 1184", 14, 1280},
        {"eth / ip6 ::1 > ::2 / udp 5 > 6 / zeros 1183", 14, 1279},
        {"eth / ip6 ::1 > ::2 / udp 5 > 6 / zeros 60000", 14, 1280},
        {"ip6 ::1 > ::2 / udp 5 > 6 / zeros 8000", 0, 1280},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pkt *out = NULL, again;
        struct key key;
        packet_of(rows[i].request);
        assert_int_equal(build_unreachable(&packet.pkt, &packet.key, UNREACHABLE_PORT, pool, &out), 0);
        check_sums(out, &again, &key);
        assert_int_equal(out->head_len - rows[i].headers, rows[i].size);
        assert_memory_equal(out->data + again.payload, packet.pkt.data + packet.pkt.l3, out->head_len - again.payload);
        pool_put(out);
    }
}

/* A segmented request is quoted and answered as if it were in one piece. */
static void test_segments(void **state)
{
    (void)state;
    const struct note *n =
        packet_note("eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type 8 id 1 seq 2 / payload \"some data in several pieces\"");
    for (uint32_t cut = 42; cut < n->wire_len; cut++) {
        struct pkt *whole = NULL, *pieces = NULL;
        packet_view(&packet, n->bytes, n->wire_len, n->wire_len, n->link);
        packet_parse(&packet, &no_facts);
        assert_int_equal(build_echo_reply(&packet.pkt, &packet.key, pool, &whole), 0);
        packet_view(&packet, n->bytes, cut, n->wire_len, n->link);
        struct pkt_seg segs[2] = {{n->bytes + cut, 1}, {n->bytes + cut + 1, n->wire_len - cut - 1}};
        packet.pkt.segs = segs;
        packet.pkt.seg_count = 2;
        packet.pkt.cap_len = n->wire_len;
        packet_parse(&packet, &no_facts);
        assert_int_equal(build_echo_reply(&packet.pkt, &packet.key, pool, &pieces), 0);
        assert_int_equal(pieces->head_len, whole->head_len);
        assert_memory_equal(pieces->data, whole->data, whole->head_len);
        pool_put(whole);
        pool_put(pieces);
    }
}

static void test_arp(void **state)
{
    (void)state;
    struct pkt *out = NULL;
    packet_of("eth 02:00:00:00:00:05 > ff:ff:ff:ff:ff:ff / vlan 5 / arp who-has 10.0.0.1 tell 10.0.0.2 sha "
              "02:00:00:00:00:05 / pad 18");
    assert_int_equal(build_arp_reply(&packet.pkt, &packet.key, 0x02aabbccddee, pool, &out), 0);
    check_answer(out, "eth 02:aa:bb:cc:dd:ee > 02:00:00:00:00:05 / vlan 5 / "
                      "arp who-has 10.0.0.2 tell 10.0.0.1 op 2 sha 02:aa:bb:cc:dd:ee tha 02:00:00:00:00:05");
    static const char *const refused[] = {
        "eth / arp reply 10.0.0.1 is-at 02:00:00:00:00:01",
        "eth / arp who-has 10.0.0.1 tell 10.0.0.2 op 3",
        "sll type 0x0806 / raw x\"0001080006040001 020000000001 0a000001 000000000000 0a000002\"",
        "eth type 0x0806 / raw x\"0001080006040001 020000000001 0a000001 000000000000 0a0000\"",
        "eth type 0x0806 / raw x\"0006080006040001 020000000001 0a000001 000000000000 0a000002\"",
        "eth type 0x0806 / raw x\"000186dd06100001\" / zeros 44",
        "eth / ip4 1.1.1.1 > 2.2.2.2",
    };
    for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        packet_of(refused[i]);
        assert_int_equal(build_arp_reply(&packet.pkt, &packet.key, 1, pool, &out), -EINVAL);
    }
}

#define SOLICIT "/ icmp6 type 135 target fe80::9 / raw x\"0101020000000005\""

static void advert(const char *request, bool router, const char *expected)
{
    struct pkt *out = NULL;
    packet_of(request);
    assert_int_equal(build_neighbour_advert(&packet.pkt, &packet.key, 0x02aabbccddee, router, pool, &out), 0);
    check_answer(out, expected);
}

static void test_advert(void **state)
{
    (void)state;
    advert("eth 02:00:00:00:00:05 > 33:33:ff:00:00:09 / vlan 5 / ip6 fe80::5 > ff02::1:ff00:9 hop 255 " SOLICIT, false,
           "eth 02:aa:bb:cc:dd:ee > 02:00:00:00:00:05 / vlan 5 / ip6 fe80::9 > fe80::5 hop 255 / "
           "icmp6 type 136 id 0x6000 target fe80::9 / raw x\"020102aabbccddee\"");
    advert("eth 02:00:00:00:00:05 > 02:00:00:00:00:09 / ip6 fe80::5 > fe80::9 hop 255 " SOLICIT, true,
           "eth 02:aa:bb:cc:dd:ee > 02:00:00:00:00:05 / ip6 fe80::9 > fe80::5 hop 255 / "
           "icmp6 type 136 id 0xe000 target fe80::9 / raw x\"020102aabbccddee\"");
    advert(
        "eth 02:00:00:00:00:05 > 33:33:ff:00:00:09 / ip6 :: > ff02::1:ff00:9 hop 255 / icmp6 type 135 target fe80::9",
        false,
        "eth 02:aa:bb:cc:dd:ee > 33:33:00:00:00:01 / ip6 fe80::9 > ff02::1 hop 255 / "
        "icmp6 type 136 id 0x2000 target fe80::9 / raw x\"020102aabbccddee\"");
}

static void test_advert_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "eth / ip6 fe80::5 > ff02::1:ff00:9 hop 254 " SOLICIT,
        "eth / ip6 fe80::5 > ff02::1:ff00:9 hop 255 / icmp6 type 135 code 1 target fe80::9",
        "eth / ip6 fe80::5 > ff02::1:ff00:9 hop 255 / icmp6 type 136 target fe80::9",
        "eth / ip6 fe80::5 > ff02::1:ff00:9 hop 255 / icmp6 type 135 target ff02::9",
        "eth / ip6 fe80::5 > ff02::1:ff00:9 hop 255 / icmp6 type 135 csum 1 target fe80::9",
        "eth / ip6 :: > ff02::1:ff00:9 hop 255 " SOLICIT, /* no address, but a link-layer one */
        "eth / ip6 :: > ff02::1 hop 255 / icmp6 type 135 target fe80::9",
        "eth / ip6 fe80::5 > ff02::1:ff00:9 hop 255 / icmp6 type 135 target fe80::9 / raw x\"0100020000000005\"",
        "eth / ip6 fe80::5 > ff02::1:ff00:9 hop 255 / icmp6 type 135 target fe80::9 / raw x\"0102020000000005\"",
        "eth / ip6 fe80::5 > ff02::1:ff00:9 hop 255 / icmp6 type 135 target fe80::9 / raw x\"01010200000000\"",
        "eth / ip6 fe80::5 > ff02::1:ff00:9 hop 255 " SOLICIT " / cut 85",
        "eth / ip6 fe80::5 > ff02::1:ff00:9 hop 255 next icmp6 / raw x\"8700794200000000\"",
        "ip6 fe80::5 > ff02::1:ff00:9 hop 255 " SOLICIT,
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pkt *out = NULL;
        packet_of(rows[i]);
        if (build_neighbour_advert(&packet.pkt, &packet.key, 1, false, pool, &out) != -EINVAL) fail_msg("%s", rows[i]);
    }
    assert_int_equal(pool->free_count, SLOTS);
}

static void test_no_buffer(void **state)
{
    (void)state;
    struct pkt *taken[SLOTS], *out = NULL;
    for (unsigned i = 0; i < SLOTS; i++) taken[i] = pool_get(pool);
    packet_of("eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 syn");
    assert_int_equal(build_rst(&packet.pkt, &packet.key, pool, &out), -ENOBUFS);
    assert_int_equal(build_rst(&packet.pkt, &packet.key, NULL, &out), -ENOBUFS);
    for (unsigned i = 0; i < SLOTS; i++) pool_put(taken[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rst),         cmocka_unit_test(test_links),  cmocka_unit_test(test_segment_options),
        cmocka_unit_test(test_rst_refused), cmocka_unit_test(test_echo),   cmocka_unit_test(test_echo_refused),
        cmocka_unit_test(test_unreachable), cmocka_unit_test(test_quotes), cmocka_unit_test(test_segments),
        cmocka_unit_test(test_arp),         cmocka_unit_test(test_advert), cmocka_unit_test(test_advert_refused),
        cmocka_unit_test(test_no_buffer),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
