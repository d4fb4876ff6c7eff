/* ICMP errors about translated packets, against errors that quote the other packet and were computed in full. */
#include "tests/unit/vm/act.h"

#include <errno.h>
#include <stdio.h>

#include "vm/packet/edit/translate.h"

enum { ALL = 15 };

static const struct translation outer4 = {.dst = {0x01010101}, .what = TRANSLATE_DST};
static const struct translation outer6 = {.dst = {0, 0, 0, 1}, .what = TRANSLATE_DST};
static const struct translation inner4 = {
    .src = {0x01010101}, .dst = {0x02020202}, .src_port = 5, .dst_port = 80, .what = ALL};
static const struct translation inner6 = {
    .src = {0, 0, 0, 1}, .dst = {0, 0, 0, 2}, .src_port = 5, .dst_port = 80, .what = ALL};

static void becomes(const char *from, const char *to)
{
    struct pkt *pkt = slot_of(from);
    bool v6 = packet.key.kind & KIND_IP6;
    assert_int_equal(quoted_translate(pkt, &packet.key, v6 ? &outer6 : &outer4, v6 ? &inner6 : &inner4), 0);
    check_bytes(pkt, to, from);
    pool_put(pkt);
    check_no_slot_lost();
}

static void test_errors(void **state)
{
    (void)state;
    /* Fragmentation needed, back through a source translation. */
    becomes(
        "eth / ip4 9.9.9.9 > 192.0.2.9 / icmp type 3 code 4 mtu 1400 / ip4 192.0.2.9 > 2.2.2.2 df / tcp 40000 > 80 ack",
        "eth / ip4 9.9.9.9 > 1.1.1.1 / icmp type 3 code 4 mtu 1400 / ip4 1.1.1.1 > 2.2.2.2 df / tcp 5 > 80 ack");
    becomes(
        "eth / ip4 9.9.9.9 > 192.0.2.9 / icmp type 11 / ip4 192.0.2.9 > 7.7.7.7 ttl 1 opt x\"01010101\" / udp 40000 > "
        "443 / payload \"odd\"",
        "eth / ip4 9.9.9.9 > 1.1.1.1 / icmp type 11 / ip4 1.1.1.1 > 2.2.2.2 ttl 1 opt x\"01010101\" / udp 5 > 80 / "
        "payload \"odd\"");
    becomes("ip6 2001:db8::9 > ::5 / icmp6 type 2 mtu 1300 / ip6 ::5 > ::7 / hbh / udp 40000 > 443 / payload \"odd\"",
            "ip6 2001:db8::9 > ::1 / icmp6 type 2 mtu 1300 / ip6 ::1 > ::2 / hbh / udp 5 > 80 / payload \"odd\"");
    becomes("ip6 ::9 > ::5 / dst / icmp6 type 1 code 4 / ip6 ::5 > ::7 / tcp 40000 > 443 syn",
            "ip6 ::9 > ::1 / dst / icmp6 type 1 code 4 / ip6 ::1 > ::2 / tcp 5 > 80 syn");
}

static void test_what_is_quoted(void **state)
{
    (void)state;
    becomes(
        "eth / ip4 9.9.9.9 > 7.7.7.7 / icmp type 3 code 3 / ip4 7.7.7.7 > 8.8.8.8 / udp 40 > 443 csum 0 / payload "
        "\"x\"",
        "eth / ip4 9.9.9.9 > 1.1.1.1 / icmp type 3 code 3 / ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80 csum 0 / payload \"x\"");
    becomes("eth / ip4 9.9.9.9 > 7.7.7.7 / icmp type 3 code 3 / ip4 7.7.7.7 > 8.8.8.8 / icmp type 8 id 77 seq 1",
            "eth / ip4 9.9.9.9 > 1.1.1.1 / icmp type 3 code 3 / ip4 1.1.1.1 > 2.2.2.2 / icmp type 8 id 5 seq 1");
    becomes("eth / ip6 ::9 > ::7 / icmp6 type 3 / ip6 ::7 > ::8 / icmp6 type 128 id 77 seq 1",
            "eth / ip6 ::9 > ::1 / icmp6 type 3 / ip6 ::1 > ::2 / icmp6 type 128 id 5 seq 1");
    becomes("eth / ip4 9.9.9.9 > 7.7.7.7 / icmp type 3 code 2 / ip4 7.7.7.7 > 8.8.8.8 / sctp 40 > 443 tag 3 / zeros 16",
            "eth / ip4 9.9.9.9 > 1.1.1.1 / icmp type 3 code 2 / ip4 1.1.1.1 > 2.2.2.2 / sctp 5 > 80 tag 3 / zeros 16");
    becomes("eth / ip4 9.9.9.9 > 7.7.7.7 / icmp type 3 code 2 / ip4 7.7.7.7 > 8.8.8.8 / gre / zeros 9",
            "eth / ip4 9.9.9.9 > 1.1.1.1 / icmp type 3 code 2 / ip4 1.1.1.1 > 2.2.2.2 / gre / zeros 9");
    /* A later fragment, with only the IP header. */
    becomes("eth / ip4 9.9.9.9 > 7.7.7.7 / icmp type 11 code 1 / ip4 7.7.7.7 > 8.8.8.8 frag 64 proto tcp / zeros 8",
            "eth / ip4 9.9.9.9 > 1.1.1.1 / icmp type 11 code 1 / ip4 1.1.1.1 > 2.2.2.2 frag 64 proto tcp / zeros 8");
    becomes("eth / ip4 9.9.9.9 > 7.7.7.7 / icmp type 3 code 1 / ip4 7.7.7.7 > 8.8.8.8 proto tcp len 40",
            "eth / ip4 9.9.9.9 > 1.1.1.1 / icmp type 3 code 1 / ip4 1.1.1.1 > 2.2.2.2 proto tcp len 40");
    /* Wrong checksums of the quote stay wrong by as much: 7.7.7.7 > 8.8.8.8 are 0x1818 more than 1.1.1.1 > 2.2.2.2. */
    becomes(
        "eth / ip4 9.9.9.9 > 7.7.7.7 / icmp type 3 code 3 / ip4 7.7.7.7 > 8.8.8.8 csum 0x1000 / udp 5 > 80 csum 0x2000",
        "eth / ip4 9.9.9.9 > 1.1.1.1 / icmp type 3 code 3 / ip4 1.1.1.1 > 2.2.2.2 csum 0x2818 / udp 5 > 80 csum "
        "0x3818");
}

/* If the error gives the length of its quote, the bytes behind are an extension and stay (RFC 4884). */
static void test_stated_length(void **state)
{
    (void)state;
    becomes("eth / ip4 9.9.9.9 > 7.7.7.7 / icmp type 3 code 1 id 5 / ip4 7.7.7.7 > 8.8.8.8 / udp 9 > 9 csum 0x2000",
            "eth / ip4 9.9.9.9 > 1.1.1.1 / icmp type 3 code 1 id 5 / ip4 1.1.1.1 > 2.2.2.2 / udp 9 > 9 csum 0x2000");
    becomes("eth / ip4 9.9.9.9 > 7.7.7.7 / icmp type 3 code 1 id 6 / ip4 7.7.7.7 > 8.8.8.8 / udp 9 > 9 csum 0x2000",
            "eth / ip4 9.9.9.9 > 1.1.1.1 / icmp type 3 code 1 id 6 / ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80 csum 0x2000");
    becomes("eth / ip4 9.9.9.9 > 7.7.7.7 / icmp type 3 code 1 id 7 / ip4 7.7.7.7 > 8.8.8.8 / udp 9 > 9 csum 0",
            "eth / ip4 9.9.9.9 > 1.1.1.1 / icmp type 3 code 1 id 7 / ip4 1.1.1.1 > 2.2.2.2 / udp 5 > 80 csum 0");
    becomes("eth / ip6 ::9 > ::7 / icmp6 type 1 id 0x500 / ip6 ::7 > ::8 / udp 9 > 9 csum 0x2000",
            "eth / ip6 ::9 > ::1 / icmp6 type 1 id 0x500 / ip6 ::1 > ::2 / udp 9 > 9 csum 0x2000");
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "eth / ip4 9.9.9.9 > 7.7.7.7 / icmp type 8 / ip4 7.7.7.7 > 8.8.8.8 / udp 5 > 80",
        "eth / ip4 9.9.9.9 > 7.7.7.7 / icmp type 3",
        "eth / ip4 9.9.9.9 > 7.7.7.7 / icmp type 3 / payload x\"45000028\"",
        "eth / ip4 9.9.9.9 > 7.7.7.7 / icmp type 3 / zeros 40",
        "eth / ip4 9.9.9.9 > 7.7.7.7 / icmp type 3 / ip4 7.7.7.7 > 8.8.8.8 ihl 4 / udp 5 > 80",
        "eth / ip4 9.9.9.9 > 7.7.7.7 / icmp type 3 / ip4 7.7.7.7 > 8.8.8.8 len 19 / udp 5 > 80",
        "eth / ip4 9.9.9.9 > 7.7.7.7 / icmp type 3 / ip6 ::7 > ::8 / udp 5 > 80",
        "eth / ip6 ::9 > ::7 / icmp6 type 128 / ip6 ::7 > ::8 / udp 5 > 80",
        "eth / ip6 ::9 > ::7 / icmp6 type 1 / zeros 39",
        "eth / ip4 9.9.9.9 > 7.7.7.7 / udp 5 > 80",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pkt *pkt = slot_of(rows[i]);
        assert_int_equal(quoted_translate(pkt, &packet.key, &outer4, &inner4), -EINVAL);
        check_bytes(pkt, rows[i], "refused");
        pool_put(pkt);
    }
    packet_of("eth / ip4 9.9.9.9 > 7.7.7.7 / icmp type 3 / ip4 7.7.7.7 > 8.8.8.8 / udp 5 > 80");
    assert_int_equal(quoted_translate(&packet.pkt, &packet.key, &outer4, &inner4), -EROFS);
}

/* Cut an error's quote after `keep` bytes, and correct the lengths and the outer checksums manually. */
static uint32_t cut_quote(uint8_t *p, uint32_t len, bool v6, uint32_t keep)
{
    uint32_t icmp = v6 ? 40 : 20, upper = 8 + keep, pseudo = 0;
    if (icmp + upper > len) return len;
    p[v6 ? 4 : 2] = (uint8_t)((v6 ? upper : icmp + upper) >> 8);
    p[v6 ? 5 : 3] = (uint8_t)(v6 ? upper : icmp + upper);
    if (v6) pseudo = (uint32_t)(uint16_t)~plain_sum(p + 8, 32, 0) + 58 + upper;
    if (!v6) p[10] = p[11] = 0;
    p[icmp + 2] = p[icmp + 3] = 0;
    uint16_t sum = plain_sum(p, 20, 0), error = plain_sum(p + icmp, upper, (pseudo & 0xffff) + (pseudo >> 16));
    if (!v6) {
        p[10] = (uint8_t)(sum >> 8);
        p[11] = (uint8_t)sum;
    }
    p[icmp + 2] = (uint8_t)(error >> 8);
    p[icmp + 3] = (uint8_t)error;
    return icmp + upper;
}

static void write_error(char *out, size_t size, bool v6, unsigned kind, struct rng r, bool translated)
{
    static const char *const upper[] = {"tcp %u > %u ack", "udp %u > %u", "sctp %u > %u tag 9", "%s type %u id %u"};
    static const char *const chain[] = {"", " / hbh", " / dst", " / frag6 0", " / hbh / dst / ah"};
    char l4[100], src[40], dst[40];
    unsigned sport = 1 + rng_below(&r, 65535), dport = 1 + rng_below(&r, 65535), a = rng_below(&r, 255),
             b = rng_below(&r, 255);
    if (translated) {
        sport = 5;
        dport = 80;
    }
    if (kind < 3)
        snprintf(l4, sizeof(l4), upper[kind], sport, dport);
    else
        snprintf(l4, sizeof(l4), "%s type %u id %u", v6 ? "icmp6" : "icmp", v6 ? 128 : 8, sport);
    snprintf(src, sizeof(src), translated ? v6 ? "::1" : "1.1.1.1" : v6 ? "2001:db8::%x" : "10.0.0.%u", a);
    snprintf(dst, sizeof(dst), translated ? v6 ? "::2" : "2.2.2.2" : v6 ? "2001:db8:7::%x" : "10.7.0.%u", b);
    snprintf(out, size, "%s > %s / %s / %s %s > %s%s / %s / zeros %u", v6 ? "ip6 ::9" : "ip4 9.9.9.9", src,
             v6 ? "icmp6 type 1" : "icmp type 3", v6 ? "ip6" : "ip4", src, dst,
             v6                 ? chain[rng_below(&r, 5)]
             : rng_below(&r, 2) ? " opt x\"01010101\""
                                : "",
             l4, rng_below(&r, 70));
}

/* The same quote cut at every place: complete fields are rewritten, partial ones stay, and the error itself is
 * right. */
static void test_cut_quotes(void **state)
{
    (void)state;
    enum { PAD = 9 };
    struct rng r = {9};
    static uint8_t from[2000], to[2000];
    for (unsigned i = 0; i < 6000; i++) {
        char text[600], other[600];
        bool v6 = i & 1;
        struct rng same = {rng_next(&r)};
        unsigned kind = rng_below(&r, 4);
        write_error(text, sizeof(text), v6, kind, same, false);
        write_error(other, sizeof(other), v6, kind, same, true);
        const struct note *n = packet_note(text);
        uint32_t len = n->cap_len, keep = rng_below(&r, len);
        memcpy(from, n->bytes, len);
        n = packet_note(other);
        assert_int_equal(n->cap_len, len);
        memcpy(to, n->bytes, len);
        len = cut_quote(from, len, v6, keep);
        cut_quote(to, n->cap_len, v6, keep);

        packet_view(&packet, from, len + PAD, len + PAD, LINK_RAW); /* bytes behind the packet don't belong to it */
        packet_parse(&packet, &no_facts);
        assert_int_equal(packet.reason, REASON_NONE);
        struct pkt *pkt = pool_copy(pool, &packet.pkt);
        int err = quoted_translate(pkt, &packet.key, v6 ? &outer6 : &outer4, v6 ? &inner6 : &inner4);
        assert_int_equal(err, len == n->cap_len || keep >= (v6 ? 40 : 20) ? 0 : -EINVAL);
        assert_memory_equal(pkt->data + len, from + len, PAD);
        memcpy(from, pkt->data, len);
        cut_quote(from, len, v6, len - (v6 ? 48 : 28)); /* the same checksums, computed in full */
        assert_memory_equal(from, pkt->data, len);
        /* Cut between an ICMP query's checksum and its identifier, the identifier is unknown. */
        bool half = kind == 3 && keep < n->cap_len - (v6 ? 48 : 28) && (v6 || keep == (to[28] & 15u) * 4 + 4);
        if (!err && keep % 4 == 0 && !half) assert_memory_equal(pkt->data, to, len);
        pool_put(pkt);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),  cmocka_unit_test(test_what_is_quoted), cmocka_unit_test(test_stated_length),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_cut_quotes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
