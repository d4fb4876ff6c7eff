/* Tunnels in and out, and the fragments of packets that are too long for one. */
#include "tests/unit/vm/act.h"

#include <errno.h>
#include <stdio.h>

#include "vm/packet/pool_priv.h"
#include "vm/packet/edit/edit.h"

static const struct tunnel ipip4 = {.src = {0x0a000001}, .dst = {0x0a000002}, .mtu = 1500};
static const struct tunnel ipip6 = {
    .src = {0xfd000000, 0, 0, 1}, .dst = {0xfd000000, 0, 0, 2}, .v6 = true, .mtu = 1500};
static const struct tunnel gue4 = {
    .src = {0x0a000001}, .dst = {0x0a000002}, .port = 6080, .kind = TUNNEL_GUE, .mtu = 1500};
static const struct tunnel gue6 = {.src = {0xfd000000, 0, 0, 1},
                                   .dst = {0xfd000000, 0, 0, 2},
                                   .port = 6080,
                                   .kind = TUNNEL_GUE,
                                   .v6 = true,
                                   .mtu = 1500};
enum { HASH = 0x12345678, ID = 777 };
#define OUTER4  "ip4 10.0.0.1 > 10.0.0.2 "
#define OUTER6  "ip6 fd00::1 > fd00::2 flow 0x23456 "
#define GUE_UDP "udp 50252 > 6080 csum 0 " /* 49152 | (0x1234 ^ 0x5678) & 0x3fff */

/* Encapsulate `in` to `outer`, and decapsulate it unchanged: to `in`, or on a bare link to `bare`. */
static void through(const struct tunnel *t, const char *in, const char *outer, const char *bare)
{
    struct pkt *pkt = slot_of(in);
    assert_int_equal(tunnel_encap(pkt, &packet.key, t, HASH, ID), 0);
    check_bytes(pkt, outer, in);
    check_offsets(pkt);
    struct key key;
    assert_int_equal(pkt_parse(pkt, &no_facts, &key), REASON_NONE);
    assert_int_equal(tunnel_decap(pkt, &key, (enum tunnel_kind)t->kind, t->port), DECAP_DONE);
    check_bytes(pkt, bare ? bare : in, outer);
    assert_int_equal(pkt->headroom, (uintptr_t)pkt->data % 64 ? pkt->headroom : POOL_HEADROOM);
    pool_put(pkt);
    check_no_slot_lost();
}

static void test_ipip(void **state)
{
    (void)state;
    through(&ipip4, "eth / ip4 1.1.1.1 > 2.2.2.2 df tos 0xb8 / tcp 5 > 80 ack / payload \"odd\"",
            "eth / " OUTER4 "id 0 df tos 0xb8 / ip4 1.1.1.1 > 2.2.2.2 df tos 0xb8 / tcp 5 > 80 ack / payload \"odd\"",
            NULL);
    through(&ipip4, "eth / vlan 5 / vlan 6 / ip4 1.1.1.1 > 2.2.2.2 ttl 3 opt x\"01010101\" tos 3 / udp 5 > 80",
            "eth / vlan 5 / vlan 6 / " OUTER4
            "id 777 tos 3 / ip4 1.1.1.1 > 2.2.2.2 ttl 3 opt x\"01010101\" tos 3 / udp 5 > 80",
            NULL);
    through(&ipip4, "eth / ip6 ::1 > ::2 tclass 0x29 flow 9 / udp 5 > 80 / payload \"odd\"",
            "eth / " OUTER4 "id 777 tos 0x29 / ip6 ::1 > ::2 tclass 0x29 flow 9 / udp 5 > 80 / payload \"odd\"", NULL);
    through(&ipip6, "eth / vlan 9 / ip4 1.1.1.1 > 2.2.2.2 tos 0x49 / udp 5 > 80 / payload \"odd\"",
            "eth / vlan 9 / " OUTER6 "tclass 0x49 / ip4 1.1.1.1 > 2.2.2.2 tos 0x49 / udp 5 > 80 / payload \"odd\"",
            NULL);
    through(&ipip6, "eth / ip6 ::1 > ::2 / hbh / tcp 5 > 80 syn",
            "eth / " OUTER6 "/ ip6 ::1 > ::2 / hbh / tcp 5 > 80 syn", NULL);
    /* Padding is left out; fragments, unknown protocols and packets cut by the capture are treated like others. */
    through(&ipip4, "eth / ip4 1.1.1.1 > 2.2.2.2 frag 64 more proto tcp / zeros 8 / pad 9",
            "eth / " OUTER4 "id 777 / ip4 1.1.1.1 > 2.2.2.2 frag 64 more proto tcp / zeros 8",
            "eth / ip4 1.1.1.1 > 2.2.2.2 frag 64 more proto tcp / zeros 8");
    through(&ipip4, "eth / ip4 1.1.1.1 > 2.2.2.2 / esp / zeros 300 / cut 90",
            "eth / " OUTER4 "id 777 / ip4 1.1.1.1 > 2.2.2.2 / esp / zeros 300 / cut 110", NULL);
}

static void test_gue(void **state)
{
    (void)state;
    through(&gue4, "eth / ip4 1.1.1.1 > 2.2.2.2 df / udp 5 > 80 / payload \"odd\"",
            "eth / " OUTER4 "id 0 df / " GUE_UDP
            "/ raw x\"00040000\" / ip4 1.1.1.1 > 2.2.2.2 df / udp 5 > 80 / payload \"odd\"",
            NULL);
    through(&gue4, "eth / vlan 7 / ip6 ::1 > ::2 tclass 2 / tcp 5 > 80",
            "eth / vlan 7 / " OUTER4 "id 777 tos 2 / " GUE_UDP
            "/ raw x\"00290000\" / ip6 ::1 > ::2 tclass 2 / tcp 5 > 80",
            NULL);
    through(&gue6, "eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type 8 id 1",
            "eth / " OUTER6 "/ " GUE_UDP "/ raw x\"00040000\" / ip4 1.1.1.1 > 2.2.2.2 / icmp type 8 id 1", NULL);
    through(&gue6, "eth / ip6 ::1 > ::2 / udp 5 > 80",
            "eth / " OUTER6 "/ " GUE_UDP "/ raw x\"00290000\" / ip6 ::1 > ::2 / udp 5 > 80", NULL);
}

static void test_gue_variant_1(void **state)
{
    (void)state;
    struct tunnel one4 = gue4, one6 = gue6;
    one4.kind = one6.kind = TUNNEL_GUE1;
    assert_int_equal(tunnel_overhead(&one4), 28);
    assert_int_equal(tunnel_overhead(&one6), 48);
    through(&one4, "eth / vlan 7 / ip4 1.1.1.1 > 2.2.2.2 df / udp 5 > 80 / payload \"odd\"",
            "eth / vlan 7 / " OUTER4 "id 0 df / " GUE_UDP "/ ip4 1.1.1.1 > 2.2.2.2 df / udp 5 > 80 / payload \"odd\"",
            NULL);
    through(&one6, "eth / ip6 ::1 > ::2 tclass 2 / tcp 5 > 80",
            "eth / " OUTER6 "tclass 2 / " GUE_UDP "/ ip6 ::1 > ::2 tclass 2 / tcp 5 > 80", NULL);
}

static void test_links(void **state)
{
    (void)state;
    through(&ipip6, "ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80", OUTER6 "/ ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80", NULL);
    through(&ipip4, "sll / ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80", OUTER4 "id 777 / ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80",
            "ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80");
    through(&gue4, "null / ip6 ::1 > ::2 / udp 5 > 80",
            OUTER4 "id 777 / " GUE_UDP "/ raw x\"00290000\" / ip6 ::1 > ::2 / udp 5 > 80",
            "ip6 ::1 > ::2 / udp 5 > 80");
}

static void test_numbers_from_the_hash(void **state)
{
    (void)state;
    struct rng r = {1};
    for (unsigned i = 0; i < 2000; i++) {
        struct pkt *pkt = slot_of("ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80");
        uint32_t hash = i < 2 ? i - 1 : (uint32_t)rng_next(&r);
        assert_int_equal(tunnel_encap(pkt, &packet.key, &gue6, hash, 0), 0);
        unsigned port = (unsigned)pkt->data[40] << 8 | pkt->data[41];
        unsigned label = (unsigned)(pkt->data[1] & 15) << 16 | (unsigned)pkt->data[2] << 8 | pkt->data[3];
        assert_in_range(port, 49152, 65535);
        assert_in_range(label, 1, 0xfffff);
        pool_put(pkt);
    }
}

static void test_encap_refused(void **state)
{
    (void)state;
    packet_of("eth / ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80");
    assert_int_equal(tunnel_encap(&packet.pkt, &packet.key, &ipip4, 0, 0), -EROFS);
    struct pkt *pkt = slot_of("eth / ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80");
    pkt->flags |= PKT_CSUM_PARTIAL;
    assert_int_equal(tunnel_encap(pkt, &packet.key, &ipip4, 0, 0), -EINVAL);
    pkt->flags &= (uint8_t)~PKT_CSUM_PARTIAL;
    for (unsigned i = 0; i < 3; i++) { /* 52 bytes each, of which 128 exist */
        struct key key;
        assert_int_equal(pkt_parse(pkt, &no_facts, &key), REASON_NONE);
        assert_int_equal(tunnel_encap(pkt, &key, &gue6, 0, 0), i < 2 ? 0 : -EMSGSIZE);
    }
    check_offsets(pkt);
    pool_put(pkt);
    pkt = slot_of("eth / arp who-has 1.1.1.1 tell 2.2.2.2");
    assert_int_equal(tunnel_encap(pkt, &packet.key, &ipip4, 0, 0), -EINVAL);
    pool_put(pkt);
    pkt = slot_of("ip4 1.1.1.1 > 2.2.2.2 / zeros 65500 / cut 100");
    assert_int_equal(tunnel_encap(pkt, &packet.key, &ipip4, 0, 0), -EMSGSIZE);
    pool_put(pkt);
}

static void fits(const struct tunnel *t, uint32_t mtu, const char *text, enum tunnel_fit expected, uint32_t inner_mtu)
{
    struct tunnel tunnel = *t;
    uint32_t told = 0;
    tunnel.mtu = mtu;
    packet_of(text);
    assert_int_equal(tunnel_fit(&tunnel, &packet.pkt, &packet.key, &told), expected);
    assert_int_equal(told, inner_mtu);
}

static void test_fit(void **state)
{
    (void)state;
    const char *df1480 = "eth / ip4 1.1.1.1 > 2.2.2.2 df / zeros 1460",
               *df1481 = "eth / ip4 1.1.1.1 > 2.2.2.2 df / zeros 1461";
    const char *v6_1480 = "eth / ip6 ::1 > ::2 / zeros 1440", *v6_1280 = "eth / ip6 ::1 > ::2 / zeros 1240";
    fits(&ipip4, 1500, df1480, TUNNEL_FITS, 1480);
    fits(&ipip4, 1500, df1481, TUNNEL_TOO_BIG, 1480);
    fits(&ipip4, 1500, "eth / ip4 1.1.1.1 > 2.2.2.2 / zeros 1461", TUNNEL_IN_FRAGMENTS, 1480);
    fits(&gue4, 1500, df1480, TUNNEL_TOO_BIG, 1468);
    fits(&ipip6, 1500, df1480, TUNNEL_TOO_BIG, 1460);
    fits(&gue6, 1500, df1480, TUNNEL_TOO_BIG, 1448);
    fits(&ipip4, 1500, v6_1480, TUNNEL_FITS, 1480);
    fits(&gue4, 1500, v6_1480, TUNNEL_TOO_BIG, 1468);
    fits(&gue6, 1280, v6_1480, TUNNEL_TOO_BIG, 1280);
    fits(&gue6, 1280, v6_1280, TUNNEL_IN_FRAGMENTS, 1280);
    fits(&ipip4, 1299, v6_1280, TUNNEL_IN_FRAGMENTS, 1280);
    fits(&ipip4, 1300, v6_1280, TUNNEL_FITS, 1280);
    fits(&ipip4, 576, "eth / ip4 1.1.1.1 > 2.2.2.2 df / zeros 556", TUNNEL_IN_FRAGMENTS, 576);
    fits(&ipip4, 576, "eth / ip4 1.1.1.1 > 2.2.2.2 df / zeros 557", TUNNEL_TOO_BIG, 576);
    fits(&ipip4, 10, "eth / ip4 1.1.1.1 > 2.2.2.2", TUNNEL_IN_FRAGMENTS, 576);
}

/* Encapsulate, fragment and reassemble by offset: the same bytes; every fragment fits and is well formed. */
static void cut(const struct tunnel *t, const char *text, uint32_t mtu, unsigned count)
{
    struct pkt *out[FRAGMENTS_MOST], *pkt = slot_of(text);
    struct tunnel tunnel = *t;
    static uint8_t whole[4096];
    tunnel.mtu = mtu;
    assert_int_equal(tunnel_encap(pkt, &packet.key, &tunnel, HASH, ID), 0);
    assert_int_equal(fragment(pkt, mtu, 0xabcd, pool, out), count);
    uint32_t upper = pkt->l4, got = 0;
    for (unsigned i = 0; i < count; i++) {
        struct key key;
        assert_int_equal(pkt_parse(out[i], &no_facts, &key), REASON_NONE);
        assert_false(out[i]->flags & PKT_BAD_CSUM);
        assert_true(key.kind & (i ? KIND_FRAG_LATER : KIND_FRAG_FIRST));
        assert_true(key.length <= mtu);
        assert_int_equal(out[i]->head_len, out[i]->l3 + key.length);
        assert_memory_equal(out[i]->data, pkt->data, pkt->l3); /* the link header */
        const uint8_t *ip = out[i]->data + out[i]->l3;
        uint32_t header = t->v6 ? 48 : 20, field = (uint32_t)ip[t->v6 ? 42 : 6] << 8 | ip[t->v6 ? 43 : 7];
        uint32_t offset = t->v6 ? field & 0xfff8 : (field & 0x1fff) * 8;
        assert_int_equal(t->v6 ? field & 1 : field >> 13 & 1, i + 1 < count);
        assert_int_equal(offset, got);
        if (t->v6)
            assert_memory_equal(ip + 44, "\0\0\xab\xcd", 4);
        else
            assert_memory_equal(ip + 4, "\3\11", 2);
        memcpy(whole + offset, ip + header, key.length - header);
        got = offset + key.length - header;
        pool_put(out[i]);
    }
    assert_int_equal(got, pkt->head_len - upper);
    assert_memory_equal(whole, pkt->data + upper, got);
    pool_put(pkt);
    check_no_slot_lost();
}

static void test_pieces(void **state)
{
    (void)state;
    cut(&gue6, "eth / vlan 5 / ip6 ::1 > ::2 / udp 5 > 80 / zeros 1232", 1280, 2);
    cut(&ipip4, "eth / ip6 ::1 > ::2 / udp 5 > 80 / zeros 1232", 1280, 2);
    cut(&gue4, "eth / ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80 / zeros 3001", 1500, 3);
    cut(&ipip4, "ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80 / zeros 1453", 1500, 2);
    cut(&ipip6, "ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80 / zeros 3800", 576, 8);
    cut(&ipip4, "ip4 1.1.1.1 > 2.2.2.2 df / zeros 556", 576, 2);
}

static void test_pieces_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t mtu;
        int err;
    } rows[] = {
        {"eth / ip4 1.1.1.1 > 2.2.2.2 df / zeros 1000", 576, -EINVAL},
        {"eth / ip6 ::1 > ::2 / hbh / zeros 1000", 576, -EINVAL},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / zeros 1000 / cut 1000", 576, -ENODATA},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / zeros 1000", 27, -EINVAL},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / zeros 1000", 100, -EMSGSIZE},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pkt *out[FRAGMENTS_MOST], *pkt = slot_of(rows[i].text);
        assert_int_equal(fragment(pkt, rows[i].mtu, 1, pool, out), rows[i].err);
        pool_put(pkt);
    }
    struct pkt *out[FRAGMENTS_MOST], *hold[SLOTS], *pkt = slot_of("ip4 1.1.1.1 > 2.2.2.2 / zeros 1000");
    unsigned held = 0;
    while (pool->free_count > 1) hold[held++] = pool_get(pool);
    assert_int_equal(fragment(pkt, 576, 1, pool, out), -ENOBUFS);
    assert_int_equal(pool->free_count, 1);
    while (held) pool_put(hold[--held]);
    pool_put(pkt);
    check_no_slot_lost();
}

/* A fragment that is fragmented again keeps its offset and the more-fragments bit. */
static void test_fragment_of_a_fragment(void **state)
{
    (void)state;
    struct pkt *out[FRAGMENTS_MOST],
        *pkt = slot_of("eth / ip4 1.1.1.1 > 2.2.2.2 id 5 frag 64 more proto udp / zeros 800");
    assert_int_equal(fragment(pkt, 576, 0, pool, out), 2);
    check_bytes(out[0], "eth / ip4 1.1.1.1 > 2.2.2.2 id 5 frag 64 more proto udp / zeros 552", "first");
    check_bytes(out[1], "eth / ip4 1.1.1.1 > 2.2.2.2 id 5 frag 616 more proto udp / zeros 248", "second");
    pool_put(out[0]);
    pool_put(out[1]);
    pool_put(pkt);
}

/* Router alert and a source route are in every fragment, a timestamp and padding only in the first (RFC 791, 3.1). */
static void test_fragment_options(void **state)
{
    (void)state;
    struct pkt *out[FRAGMENTS_MOST];
    struct pkt *pkt = slot_of("eth / vlan 5 / ip4 1.1.1.1 > 2.2.2.2 tos 0xb8 id 5 proto 99 "
                              "opt x\"4408050101010101019404000083070404040404\" / zeros 800");
    assert_int_equal(fragment(pkt, 576, 0, pool, out), 2);
    check_bytes(out[0],
                "eth / vlan 5 / ip4 1.1.1.1 > 2.2.2.2 tos 0xb8 id 5 more proto 99 "
                "opt x\"4408050101010101019404000083070404040404\" / zeros 536",
                "first");
    check_bytes(out[1],
                "eth / vlan 5 / ip4 1.1.1.1 > 2.2.2.2 tos 0xb8 id 5 frag 536 proto 99 "
                "opt x\"940400008307040404040400\" / zeros 264",
                "second");
    pool_put(out[0]);
    pool_put(out[1]);
    pool_put(pkt);
}

/* No option is to be copied: later fragments have none. */
static void test_fragment_own_options(void **state)
{
    (void)state;
    static const char *const options[] = {"01010101", "00000094", "44040500"};
    for (unsigned i = 0; i < sizeof options / sizeof *options; i++) {
        struct pkt *out[FRAGMENTS_MOST];
        char text[200];
        snprintf(text, sizeof text, "eth / ip4 1.1.1.1 > 2.2.2.2 id 5 opt x\"%s\" / zeros 800", options[i]);
        struct pkt *pkt = slot_of(text);
        assert_int_equal(fragment(pkt, 576, 0, pool, out), 2);
        check_bytes(out[1], "eth / ip4 1.1.1.1 > 2.2.2.2 id 5 frag 552 / zeros 248", options[i]);
        pool_put(out[0]);
        pool_put(out[1]);
        pool_put(pkt);
    }
}

static void decap(enum tunnel_kind kind, const char *text, enum decap expected, const char *inner)
{
    struct pkt *pkt = slot_of(text);
    assert_int_equal(tunnel_decap(pkt, &packet.key, kind, 6080), expected);
    check_bytes(pkt, inner ? inner : text, text);
    pool_put(pkt);
}

#define INNER4     "ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80"
#define GUE(bytes) "eth / " OUTER4 "/ udp 9 > 6080 csum 0 / raw x\"" bytes "\" / "

static void test_decap(void **state)
{
    (void)state;
    decap(TUNNEL_IPIP, "eth / " OUTER4 "/ " INNER4 " / pad 9", DECAP_DONE, "eth / " INNER4);
    decap(TUNNEL_IPIP, "eth / " OUTER4 "opt x\"01010101\" / ip6 ::1 > ::2 / udp 5 > 80", DECAP_DONE,
          "eth / ip6 ::1 > ::2 / udp 5 > 80");
    decap(TUNNEL_IPIP, "eth / " OUTER6 "/ dst opt x\"040104010100\" / " INNER4, DECAP_DONE, "eth / " INNER4);
    decap(TUNNEL_IPIP, "eth / " OUTER4 "/ ip4 3.3.3.3 > 4.4.4.4 / " INNER4, DECAP_DONE,
          "eth / ip4 3.3.3.3 > 4.4.4.4 / " INNER4);
    decap(TUNNEL_GUE, GUE("00040000") INNER4, DECAP_DONE, "eth / " INNER4);
    decap(TUNNEL_GUE, "eth / " OUTER6 "/ udp 9 > 6080 / raw x\"00040000\" / " INNER4, DECAP_DONE, "eth / " INNER4);
    /* Variant 1, for either kind of GUE in the rules. */
    decap(TUNNEL_GUE, "eth / " OUTER4 "/ udp 9 > 6080 csum 0 / " INNER4, DECAP_DONE, "eth / " INNER4);
    decap(TUNNEL_GUE1, "eth / " OUTER4 "/ udp 9 > 6080 csum 0 / ip6 ::1 > ::2 / udp 5 > 80", DECAP_DONE,
          "eth / ip6 ::1 > ::2 / udp 5 > 80");
    decap(TUNNEL_GUE1, GUE("00040000") INNER4, DECAP_DONE, "eth / " INNER4);
    /* Bytes behind the inner packet, inside the outer one, are left out. */
    decap(TUNNEL_IPIP, "eth / " OUTER4 "/ ip4 1.1.1.1 > 2.2.2.2 len 28 / udp 5 > 80 len 8 csum 0 / zeros 4", DECAP_DONE,
          "eth / ip4 1.1.1.1 > 2.2.2.2 len 28 / udp 5 > 80 len 8 csum 0");
}

static void test_decap_refused(void **state)
{
    (void)state;
    decap(TUNNEL_IPIP, "eth / " INNER4, DECAP_OTHER, NULL);
    decap(TUNNEL_IPIP, "eth / arp who-has 1.1.1.1 tell 2.2.2.2", DECAP_OTHER, NULL);
    decap(TUNNEL_IPIP, "eth / " OUTER4 "more proto 4 / zeros 24", DECAP_FRAGMENT, NULL);
    decap(TUNNEL_IPIP, "eth / " OUTER4 "frag 64 proto 4 / zeros 24", DECAP_FRAGMENT, NULL);
    decap(TUNNEL_IPIP, "eth / " OUTER4 "proto 4 / ip6 ::1 > ::2", DECAP_VERSION, NULL);
    decap(TUNNEL_IPIP, "eth / " OUTER4 "proto 41 / ip4 1.1.1.1 > 2.2.2.2 / zeros 20", DECAP_VERSION, NULL);
    decap(TUNNEL_IPIP, "eth / " OUTER4 "proto 4 / payload x\"45\" / zeros 18", DECAP_SHORT, NULL);
    decap(TUNNEL_IPIP, "eth / " OUTER4 "proto 4 / zeros 20", DECAP_VERSION, NULL);
    decap(TUNNEL_IPIP, "eth / " OUTER4 "proto 4", DECAP_SHORT, NULL);
    decap(TUNNEL_GUE, "eth / " OUTER4 "/ udp 9 > 6080 csum 0 / raw x\"00040000\"", DECAP_SHORT, NULL);
    decap(TUNNEL_IPIP, "eth / " OUTER4 "proto 41 / payload x\"60000000\" / zeros 35", DECAP_SHORT, NULL);
    decap(TUNNEL_IPIP, "eth / " OUTER4 "/ ip4 1.1.1.1 > 2.2.2.2 len 29 proto 50 / zeros 8", DECAP_LENGTH, NULL);
    decap(TUNNEL_IPIP, "eth / " OUTER4 "/ ip4 1.1.1.1 > 2.2.2.2 len 19 proto 50 / zeros 8", DECAP_LENGTH, NULL);
    decap(TUNNEL_IPIP, "eth / " OUTER4 "/ ip4 1.1.1.1 > 2.2.2.2 ihl 4 proto 50 / zeros 8", DECAP_LENGTH, NULL);
    decap(TUNNEL_IPIP, "eth / " OUTER4 "/ ip6 ::1 > ::2 len 9 next 50 / zeros 8", DECAP_LENGTH, NULL);
    decap(TUNNEL_IPIP, "eth / " OUTER4 "/ " INNER4 " / cut 50", DECAP_SHORT, NULL);

    decap(TUNNEL_GUE, "eth / " OUTER4 "/ udp 9 > 6081 csum 0 / raw x\"00040000\" / " INNER4, DECAP_OTHER, NULL);
    decap(TUNNEL_GUE, "eth / " OUTER4 "/ tcp 9 > 6080 / raw x\"00040000\" / " INNER4, DECAP_OTHER, NULL);
    decap(TUNNEL_GUE, "eth / " OUTER4 "more / udp 9 > 6080 csum 0 / zeros 24", DECAP_FRAGMENT, NULL);
    decap(TUNNEL_GUE, "eth / " OUTER4 "/ udp 9 > 6080 csum 0 / raw x\"000400\"", DECAP_SHORT, NULL);
    decap(TUNNEL_GUE, GUE("00040000") "payload x\"45\" / zeros 18", DECAP_SHORT, NULL);
    decap(TUNNEL_GUE, GUE("40040000") INNER4, DECAP_LENGTH, NULL); /* variant 1: IPv4 with no header length */
    decap(TUNNEL_GUE, GUE("50040000") INNER4, DECAP_VERSION, NULL);
    decap(TUNNEL_GUE, GUE("70040000") INNER4, DECAP_VERSION, NULL);
    decap(TUNNEL_GUE, GUE("c0040000") INNER4, DECAP_VARIANT, NULL);
    decap(TUNNEL_GUE, GUE("80040000") INNER4, DECAP_VARIANT, NULL);
    decap(TUNNEL_GUE, GUE("20040000") INNER4, DECAP_VARIANT, NULL);
    decap(TUNNEL_GUE, "eth / " OUTER4 "/ udp 9 > 6080 csum 0 / payload x\"45000014\" / zeros 15", DECAP_SHORT, NULL);
    decap(TUNNEL_GUE, "eth / " OUTER4 "/ udp 9 > 6080 csum 0 / payload x\"60000000\" / zeros 35", DECAP_SHORT, NULL);
    decap(TUNNEL_GUE, "eth / " OUTER4 "/ udp 9 > 6080 csum 0x1234 / " INNER4, DECAP_CHECKSUM, NULL);
    decap(TUNNEL_GUE, GUE("01040000") INNER4, DECAP_FLAGS, NULL);
    decap(TUNNEL_GUE, GUE("00048000") INNER4, DECAP_FLAGS, NULL);
    decap(TUNNEL_GUE, GUE("00040001") INNER4, DECAP_FLAGS, NULL);
    decap(TUNNEL_GUE, GUE("00290000") INNER4, DECAP_VERSION, NULL);
    decap(TUNNEL_GUE, GUE("00110000") INNER4, DECAP_VERSION, NULL);
    decap(TUNNEL_GUE, "eth / " OUTER4 "/ udp 9 > 6080 csum 0x1234 / raw x\"00040000\" / " INNER4, DECAP_CHECKSUM, NULL);
    /* The inner packet ends beyond the UDP length, but within the outer packet. */
    decap(TUNNEL_GUE, "eth / " OUTER4 "/ udp 9 > 6080 len 40 csum 0 / raw x\"00040000\" / " INNER4 " / payload \"x\"",
          DECAP_LENGTH, NULL);
    packet_of("eth / " OUTER4 "/ " INNER4);
    assert_int_equal(tunnel_decap(&packet.pkt, &packet.key, TUNNEL_IPIP, 0), DECAP_READ_ONLY);
}

/* RFC 6040, figure 4, row by row: the inner field, then the result for outer Not-ECT, ECT(0), ECT(1), CE. */
static void test_ecn(void **state)
{
    (void)state;
    enum { DROP = 9 };
    static const unsigned outer[] = {0, 2, 1, 3};
    static const struct {
        unsigned inner, out[4];
    } rows[] = {{0, {0, 0, 0, DROP}}, {2, {2, 2, 1, 3}}, {1, {1, 1, 1, 3}}, {3, {3, 3, 3, 3}}};
    for (unsigned shape = 0; shape < 4; shape++)
        for (unsigned i = 0; i < 4; i++)
            for (unsigned k = 0; k < 4; k++) {
                char text[200], inner[200];
                const char *in =
                    shape & 1 ? "ip6 ::1 > ::2 tclass %u / udp 5 > 80" : "ip4 1.1.1.1 > 2.2.2.2 tos %u / udp 5 > 80";
                unsigned want = rows[i].out[k];
                int at = snprintf(text, sizeof(text),
                                  shape & 2 ? "eth / ip6 fd00::1 > fd00::2 tclass %u / " : "eth / " OUTER4 "tos %u / ",
                                  0x40 | outer[k]);
                snprintf(text + at, sizeof(text) - (size_t)at, in, 0xb8 | rows[i].inner);
                at = snprintf(inner, sizeof(inner), "eth / ");
                snprintf(inner + at, sizeof(inner) - (size_t)at, in, 0xb8 | want);
                decap(TUNNEL_IPIP, text, want == DROP ? DECAP_CONGESTED : DECAP_DONE, want == DROP ? NULL : inner);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipip),
        cmocka_unit_test(test_gue),
        cmocka_unit_test(test_gue_variant_1),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_numbers_from_the_hash),
        cmocka_unit_test(test_encap_refused),
        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_pieces_refused),
        cmocka_unit_test(test_fragment_of_a_fragment),
        cmocka_unit_test(test_fragment_options),
        cmocka_unit_test(test_fragment_own_options),
        cmocka_unit_test(test_decap),
        cmocka_unit_test(test_decap_refused),
        cmocka_unit_test(test_ecn),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
