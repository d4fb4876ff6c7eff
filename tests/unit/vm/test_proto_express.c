/* The express path of pkt_parse and pkt_parse_all, and plain_read, against the careful parser: equal keys, offsets,
 * flags and reasons on ordinary frames and after random edits, cuts and paddings. */
#include "tests/unit/vm/packet.h"

#include "vm/forward/ordinary.h"
#include "vm/packet/parse/parse.h"
#include "vm/packet/parse/plain.h"

static const char *const seeds[] = {
    "eth / ip4 198.18.0.1 > 203.0.113.10 ttl 9 tos 0xb8 / tcp 50000 > 443 syn ece cwr opt x\"020405b4\" / zeros 3",
    "eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 50000 > 443 ack / pad 6",
    "eth / ip4 10.0.0.9 > 10.0.0.1 / udp 53 > 1000 / payload \"answer of a name\"",
    "eth / ip4 10.0.0.1 > 224.0.0.5 proto 89 / zeros 44",
    "eth / ip4 10.0.0.1 > 10.0.0.9 / icmp type 8 / payload \"ping\" / pad 20",
    "eth / ip4 10.0.0.1 > 10.0.0.9 / sctp 5000 > 6000 / zeros 20",
    "eth / ip4 10.0.0.1 > 10.0.0.9 csum 7 / udp 1 > 2 / zeros 20",
    "eth / ip4 10.0.0.1 > 10.0.0.9 opt x\"01010101\" / tcp 1 > 2 / zeros 20",
    "eth / ip4 10.0.0.1 > 10.0.0.9 more / udp 1 > 2 len 4000 / zeros 24",
    "eth / ip4 10.0.0.1 > 10.0.0.9 frag 1480 proto udp / zeros 40",
    "eth / ip6 2001:db8::1 > 2001:db8::9 tclass 0xb8 hop 3 / tcp 50000 > 443 syn / payload \"hello\"",
    "eth / ip6 2001:db8::9 > ff02::1 / udp 53 > 1000 / payload \"answer of a name\"",
    "eth / ip6 fe80::1 > ff02::1:ff00:9 hop 255 / icmp6 type 135 target 2001:db8::9",
    "eth / ip6 fe80::1 > fe80::2 hop 255 / icmp6 type 128 / zeros 9",
    "eth / ip6 fe80::1 > fe80::2 / sctp 1 > 2 / zeros 9",
    "eth / ip6 fe80::1 > fe80::2 / hbh / udp 1 > 2 / zeros 9",
    "eth / ip6 fe80::1 > fe80::2 next 59 / zeros 20",
    "eth / vlan 5 pcp 3 / ip4 198.18.0.1 > 203.0.113.10 / tcp 50000 > 443 syn / zeros 8",
    "eth / vlan 4094 tpid 0x88a8 / ip6 fe80::1 > fe80::2 / udp 1 > 2 / zeros 8",
    "eth / vlan 5 / vlan 6 / ip4 198.18.0.1 > 203.0.113.10 / tcp 50000 > 443 syn / zeros 8",
    "eth / arp who-has 10.0.0.1 tell 10.0.0.2 / pad 18",
    "ip4 198.18.0.1 > 203.0.113.10 / tcp 50000 > 443 syn / payload \"GET\"",
    "ip6 2001:db8::1 > 2001:db8::9 / udp 50000 > 443 / payload \"query\"",
    "sll pkttype 1 / ip4 198.18.0.1 > 203.0.113.10 / udp 50000 > 443 / payload \"GET\"",
    "sll / ip6 2001:db8::1 > 2001:db8::9 / tcp 50000 > 443",
    "sll2 / ip4 198.18.0.1 > 203.0.113.10 / icmp type 8 / payload \"GET\"",
    "sll2 / ip6 2001:db8::1 > 2001:db8::9 / icmp6 type 128",
    "null / ip4 198.18.0.1 > 203.0.113.10 / udp 50000 > 443",
};

static const uint32_t self4[] = {0x0a000001, 0x0a000009};
static const struct pbc_range6 self6[] = {
    {.lo_hi = 0x20010db800000000, .lo_lo = 9, .hi_hi = 0x20010db800000000, .hi_lo = 9},
    {.lo_hi = 0xfe80000000000000, .lo_lo = 1, .hi_hi = 0xfe80000000000000, .hi_lo = 1},
};
static const struct facts worlds[] = {
    {0},
    {.drop_bad_checksum = true},
    {.self4 = self4, .self4_count = 2, .self6 = self6, .self6_count = 2},
    {.self6 = self6, .self6_count = 1, .drop_bad_checksum = true},
};

static unsigned well_formed, plain_ones;
static enum pkt_link link_type = LINK_ETHER;
static uint8_t tags_taken;

/* True if a packet that the careful parser has read is plain (plain.h). */
static bool is_plain(const struct pkt *pkt, const struct key *key)
{
    return pkt->reason == REASON_NONE && key->kind & KIND_IP4 && key->dst[0] >> 24 < 0xe0 && !pkt->tag_count &&
           !pkt->tags_in_frame && ordinary_headers(pkt, key, pkt->head_len == pkt->wire_len) &&
           ordinary_frame(pkt, key, pkt->data);
}

/* Read the packet as a plain one. careful, key: the careful parser's results. */
static void compare_plain(struct pkt pkt, const struct pkt *careful, const struct key *key)
{
    const struct pkt before = pkt;
    const uint32_t facts = KIND_SRC_SELF | KIND_DST_SELF | KIND_IN | KIND_OUT | KIND_FORWARD;
    struct plain p;
    const bool plain = plain_read(&pkt, &p);
    assert_int_equal(plain, is_plain(careful, key));
    assert_memory_equal(&pkt, plain ? careful : &before, sizeof pkt);
    if (!plain) return;
    plain_ones++;
    assert_int_equal(p.kind, key->kind & ~facts);
    assert_int_equal(p.src[0], key->src[0]);
    assert_int_equal(p.dst[0], key->dst[0]);
    assert_int_equal(p.src_port, key->src_port);
    assert_int_equal(p.dst_port, key->dst_port);
    assert_int_equal(p.proto, key->proto);
    assert_int_equal(p.length, key->length);
}

/* Parse in all ways; `head` bytes of `cap` are in the head. */
static void compare(const uint8_t *bytes, uint32_t head, uint32_t cap, uint32_t wire, const struct facts *facts)
{
    packet_view(&packet, bytes, head, wire, link_type);
    packet.pkt.tag_count = tags_taken;
    packet.pkt.tags[0].tci = 0xa005;
    packet.pkt.tags[1].tci = 6;
    struct pkt_seg seg = {bytes + head, cap - head};
    packet.pkt.segs = &seg;
    packet.pkt.seg_count = head < cap;
    packet.pkt.cap_len = cap;
    packet.pkt.flags = PKT_CSUM_PARTIAL | PKT_SNAPPED | PKT_BAD_CSUM | PKT_NOT_LINEAR;
    struct pkt careful = packet.pkt, one_of_batch = packet.pkt, *const batch[] = {&one_of_batch};
    struct key key, batch_key;
    uint32_t kinds;
    memset(&key, 0x5a, sizeof(key));
    memset(&batch_key, 0xa5, sizeof(key));
    enum pkt_reason r = parse_frame(&careful, facts, &key);
    compare_plain(packet.pkt, &careful, &key);
    packet_parse(&packet, facts);
    assert_int_equal(packet.reason, r);
    assert_memory_equal(&packet.key, &key, sizeof(key));
    assert_memory_equal(&packet.pkt, &careful, sizeof(careful));
    assert_int_equal(pkt_parse_all(batch, 1, facts, &batch_key, &kinds), r == REASON_NONE);
    assert_int_equal(kinds, key.kind);
    assert_memory_equal(&batch_key, &key, sizeof(key));
    assert_memory_equal(&one_of_batch, &careful, sizeof(careful));
    well_formed += r == REASON_NONE;
}

/* A batch of any size gives the same as its single packets: also schedules, and the kinds of all together. */
static void test_batches(void **state)
{
    (void)state;
    enum { SEEDS = sizeof(seeds) / sizeof(seeds[0]), MOST = 64 };
    static uint8_t bytes[MOST][NOTE_MAX];
    const struct facts facts = {.schedules = 5, .self4 = self4, .self4_count = 2};
    struct pkt pkts[MOST], alone[MOST], *batch[MOST] = {NULL};
    struct key keys[MOST], key;
    uint64_t seed = 3;
    for (unsigned n = 0; n <= MOST; n++) {
        for (unsigned i = 0; i < n; i++) {
            const struct note *note = packet_note(seeds[draw(&seed, SEEDS)]);
            memcpy(bytes[i], note->bytes, note->wire_len);
            pkt_view(&pkts[i], bytes[i], draw(&seed, 4) ? note->wire_len : draw(&seed, note->wire_len + 1),
                     note->wire_len, note->link, IFACE_NONE);
            alone[i] = pkts[i];
            batch[i] = &pkts[i];
        }
        uint32_t kinds, all = 0;
        const uint64_t good = pkt_parse_all(batch, n, &facts, keys, &kinds);
        for (unsigned i = 0; i < n; i++) {
            assert_int_equal(good >> i & 1, pkt_parse(&alone[i], &facts, &key) == REASON_NONE);
            assert_memory_equal(&keys[i], &key, sizeof(key));
            assert_memory_equal(&pkts[i], &alone[i], sizeof(alone[i]));
            all |= key.kind;
        }
        assert_int_equal(kinds, all);
        assert_true(n == MOST || good >> n == 0);
    }
}

static void test_as_made(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
        const struct note *n = packet_note(seeds[i]);
        link_type = n->link;
        for (unsigned w = 0; w < 4; w++)
            for (uint32_t cut = 0; cut <= n->wire_len; cut++) {
                tags_taken = (uint8_t)(cut % 4 == 3 ? 1 + w % 2 : 0);
                compare(n->bytes, cut, cut, n->wire_len, &worlds[w]);
                compare(n->bytes, cut, cut, cut, &worlds[w]);
                compare(n->bytes, cut, n->wire_len, n->wire_len, &worlds[w]);
                compare(n->bytes, cut, n->wire_len, n->wire_len + 9, &worlds[w]);
            }
    }
}

/* Change one to three bytes, mostly within the headers, to values that matter. */
static void edit(uint8_t *bytes, uint32_t len, uint64_t *seed)
{
    static const uint8_t telling[] = {0,  1,    4,    5,    6,  7,  8,    17,   0x20, 40,
                                      44, 0x45, 0x46, 0x50, 58, 60, 0x81, 0x86, 132,  255};
    for (unsigned n = 1 + draw(seed, 3); n > 0; n--) {
        uint32_t at = draw(seed, 4) ? draw(seed, len < 64 ? len : 64) : draw(seed, len);
        bytes[at] = draw(seed, 2) ? telling[draw(seed, sizeof(telling))] : (uint8_t)draw(seed, 256);
    }
}

static void test_edited(void **state)
{
    (void)state;
    uint64_t seed = 20;
    static uint8_t bytes[NOTE_MAX];
    well_formed = plain_ones = 0;
    for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
        const struct note *n = packet_note(seeds[i]);
        for (unsigned round = 0; round < 4000; round++) {
            memcpy(bytes, n->bytes, n->wire_len);
            edit(bytes, n->wire_len, &seed);
            link_type = draw(&seed, 20) ? n->link : (enum pkt_link)draw(&seed, LINK_COUNT);
            tags_taken = draw(&seed, 4) ? 0 : (uint8_t)draw(&seed, 3);
            uint32_t cap = draw(&seed, 3) ? n->wire_len : draw(&seed, n->wire_len + 1);
            uint32_t head = draw(&seed, 3) ? cap : draw(&seed, cap + 1);
            compare(bytes, head, cap, draw(&seed, 3) ? n->wire_len : cap, &worlds[draw(&seed, 4)]);
        }
    }
    assert_true(well_formed > 10000 && plain_ones > 1000); /* edits that leave nothing to compare prove little */
}

/* Lengths near 65,535, where offsets saturate. */
static void test_large(void **state)
{
    (void)state;
    static uint8_t bytes[66000];
    link_type = LINK_ETHER;
    tags_taken = 0;
    for (unsigned family = 0; family < 2; family++) {
        const struct note *n =
            packet_note(family ? "eth / ip6 ::1 > ::2 / udp 1 > 2" : "eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2");
        memcpy(bytes, n->bytes, n->wire_len);
        for (uint32_t total = 65460; total <= 65535; total++) {
            uint8_t *length = bytes + (family ? 18 : 16);
            length[0] = (uint8_t)(total >> 8);
            length[1] = (uint8_t)total;
            compare(bytes, 65600, 65600, 65600, &worlds[0]);
            compare(bytes, 14 + total, 14 + total, 14 + total, &worlds[0]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_made), cmocka_unit_test(test_edited),
                                       cmocka_unit_test(test_large), cmocka_unit_test(test_batches)};
    return cmocka_run_group_tests(tests, NULL, packet_free);
}
