/* Partial checksums without a mark: a sum of only the pseudo header is completed; all others stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/io/offload.h"
#include "tests/lib/rng.h"
#include "vm/packet/wire.h"

enum { ETH = 14, V4 = 20, V6 = 40, TCP = 6, UDP = 17, SCTP = 132, OPTIONS = 60, PADDING = 6 };

struct made {
    uint8_t bytes[256];
    struct pkt pkt;
    size_t l4, sum; /* offsets of the L4 header and its checksum */
    uint16_t right, partial;
};

static uint64_t pseudo(const struct made *m, bool v4, uint8_t proto, size_t len)
{
    return csum_add(proto + len, m->bytes + ETH + (v4 ? 12 : 8), v4 ? 8 : 32);
}

/* Make a packet of random addresses and payload, with padding behind; ext: an extension header. The checksum is
 * right. */
static void make(struct rng *r, struct made *m, bool v4, uint8_t proto, size_t payload, bool ext)
{
    const size_t ip = v4 ? V4 : V6, more = ext ? 8 : 0, upper = (proto == TCP ? 20 : proto == UDP ? 8 : 12) + payload;
    for (size_t i = 0; i < sizeof m->bytes; i++) m->bytes[i] = (uint8_t)rng_next(r);
    uint8_t *h = m->bytes + ETH;
    wire_put16(m->bytes + 12, v4 ? 0x0800 : 0x86dd);
    h[0] = v4 ? 0x45 : 0x60;
    if (v4) {
        wire_put16(h + 2, (uint16_t)(V4 + upper));
        wire_put16(h + 6, 0x4000);
        h[9] = proto;
    } else {
        wire_put16(h + 4, (uint16_t)(more + upper));
        h[6] = ext ? OPTIONS : proto;
        memcpy(h + V6, (const uint8_t[8]){proto, 0, 1, 4}, more);
    }
    m->l4 = ETH + ip + more;
    if (proto == TCP) m->bytes[m->l4 + 12] = 0x50;
    if (proto == UDP) wire_put16(m->bytes + m->l4 + 4, (uint16_t)upper);
    m->sum = m->l4 + (proto == TCP ? 16 : proto == UDP ? 6 : 8);
    wire_put16(m->bytes + m->sum, 0);
    m->partial = (uint16_t)~csum_fold(pseudo(m, v4, proto, upper));
    m->right = csum_udp(csum_fold(csum_add(pseudo(m, v4, proto, upper), m->bytes + m->l4, upper)));
    const uint32_t len = (uint32_t)(m->l4 + upper + PADDING);
    pkt_view(&m->pkt, m->bytes, len, len, LINK_ETHER, 0);
    m->pkt.flags = PKT_WRITABLE;
}

/* Return the resulting checksum; told: whether it was completed. */
static uint16_t after(struct made *m, uint16_t before, bool *told)
{
    wire_put16(m->bytes + m->sum, before);
    *told = offload_complete(&m->pkt);
    assert_int_equal(m->pkt.flags, PKT_WRITABLE);
    return wire_get16(m->bytes + m->sum);
}

static void tcp_and_udp(void **state)
{
    (void)state;
    struct rng r = {7};
    for (int i = 0; i < 4000; i++) {
        struct made m;
        bool told;
        const bool v4 = i & 1, ext = !v4 && i & 4;
        const uint8_t proto = i & 2 ? TCP : UDP;
        make(&r, &m, v4, proto, rng_next(&r) % 100, ext);
        const uint16_t wrong = (uint16_t)(m.right ^ 0x1111);
        assert_int_equal(after(&m, m.partial, &told), m.right);
        assert_true(told);
        assert_int_equal(after(&m, m.right, &told), m.right);
        if (wrong != m.partial) assert_int_equal(after(&m, wrong, &told), wrong);
        if (proto == UDP) assert_int_equal(after(&m, 0, &told), 0); /* none */
        if (!v4) continue;
        wire_put16(m.bytes + ETH + 6, 0x2000); /* a fragment's checksum is complete */
        assert_int_equal(after(&m, m.partial, &told), m.partial);
        assert_false(told);
    }
}

static void sctp(void **state)
{
    (void)state;
    struct rng r = {8};
    for (int i = 0; i < 100; i++) {
        struct made m;
        make(&r, &m, i & 1, SCTP, 40, false);
        const uint32_t crc = htole32(csum_sctp(m.bytes + m.l4, 52));
        memset(m.bytes + m.sum, 0, 4);
        assert_int_equal(offload_complete(&m.pkt), 1);
        assert_memory_equal(m.bytes + m.sum, &crc, 4);
        m.bytes[m.sum] ^= 1;
        assert_false(offload_complete(&m.pkt));
    }
}

/* Segments that a card has joined (LRO) have the checksum of no packet: it is made partial if the card has verified
 * them. */
static void joined(void **state)
{
    (void)state;
    struct rng r = {10};
    for (int i = 0; i < 400; i++) {
        struct made m;
        const bool v4 = i & 1, ext = !v4 && i & 2;
        make(&r, &m, v4, TCP, 20 + rng_next(&r) % 100, ext);
        const struct virtio_net_hdr super = {.gso_type = v4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6,
                                             .gso_size = 10};
        wire_put16(m.bytes + m.sum, 0x1234);
        assert_false(offload_take(&m.pkt, &super, false));
        assert_int_equal(wire_get16(m.bytes + m.sum), 0x1234);
        assert_int_equal(offload_take(&m.pkt, &super, true), !ext);
        assert_int_equal(wire_get16(m.bytes + m.sum), ext ? 0x1234 : m.partial);
        assert_int_equal(m.pkt.flags, ext ? PKT_WRITABLE : PKT_WRITABLE | PKT_CSUM_PARTIAL);
        assert_int_equal(m.pkt.segment, ext ? 0 : 10);
        make(&r, &m, v4, UDP, 30, false);
        assert_false(offload_take(&m.pkt, &super, true));
        assert_true(offload_take(&m.pkt, &(struct virtio_net_hdr){0}, true));
        assert_int_equal(m.pkt.flags, PKT_WRITABLE);
    }
}

/* For any bytes of any length, nothing outside is touched. */
static void bad_input(void **state)
{
    (void)state;
    struct rng r = {9};
    for (int i = 0; i < 20000; i++) {
        struct made m;
        make(&r, &m, i & 1, i & 2 ? TCP : i & 4 ? UDP : SCTP, 20, i & 8);
        for (uint64_t n = rng_next(&r) % 3; n; n--) m.bytes[ETH + rng_next(&r) % 60] = (uint8_t)rng_next(&r);
        const uint32_t len = (uint32_t)(rng_next(&r) % 130);
        uint8_t *exact = malloc(len + 1);
        assert_non_null(exact);
        memcpy(exact, m.bytes, len);
        pkt_view(&m.pkt, exact, len, len, LINK_ETHER, 0);
        offload_complete(&m.pkt);
        offload_take(&m.pkt, &(struct virtio_net_hdr){.gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 9}, true);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tcp_and_udp), cmocka_unit_test(sctp), cmocka_unit_test(joined),
                                       cmocka_unit_test(bad_input)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
