/* CRC32c, eight bytes per step ("slicing by 8": Kounavis and Berry, 2005).
 *
 * A table entry is linear in its index, so eight basis values make a table of 256 entries: entry n is the sum of the
 * basis values of n's bits. Table k is table 0 (the reflected polynomial 0x82f63b78) advanced by k zero bytes. */
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

#define ENTRY(n, b0, b1, b2, b3, b4, b5, b6, b7)                                                                       \
    (((n)&1 ? b0 : 0) ^ ((n)&2 ? b1 : 0) ^ ((n)&4 ? b2 : 0) ^ ((n)&8 ? b3 : 0) ^ ((n)&16 ? b4 : 0) ^                   \
     ((n)&32 ? b5 : 0) ^ ((n)&64 ? b6 : 0) ^ ((n)&128 ? b7 : 0))
#define ENTRIES4(n, ...)                                                                                               \
    ENTRY(n, __VA_ARGS__), ENTRY((n) + 1, __VA_ARGS__), ENTRY((n) + 2, __VA_ARGS__), ENTRY((n) + 3, __VA_ARGS__)
#define ENTRIES16(n, ...)                                                                                              \
    ENTRIES4(n, __VA_ARGS__), ENTRIES4((n) + 4, __VA_ARGS__), ENTRIES4((n) + 8, __VA_ARGS__),                          \
        ENTRIES4((n) + 12, __VA_ARGS__)
#define ENTRIES64(n, ...)                                                                                              \
    ENTRIES16(n, __VA_ARGS__), ENTRIES16((n) + 16, __VA_ARGS__), ENTRIES16((n) + 32, __VA_ARGS__),                     \
        ENTRIES16((n) + 48, __VA_ARGS__)
#define TABLE(...)                                                                                                     \
    {                                                                                                                  \
        ENTRIES64(0, __VA_ARGS__), ENTRIES64(64, __VA_ARGS__), ENTRIES64(128, __VA_ARGS__),                            \
            ENTRIES64(192, __VA_ARGS__)                                                                                \
    }

static const uint32_t tables[8][256] = {
    TABLE(0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf, 0x105ec76f, 0x20bd8ede, 0x417b1dbc, 0x82f63b78),
    TABLE(0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8, 0x3fc5f181, 0x7f8be302, 0xff17c604, 0xfbc3faf9),
    TABLE(0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5, 0x70a27d8a, 0xe144fb14, 0xc76580d9, 0x8b277743),
    TABLE(0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6, 0xe964b13d, 0xd725148b, 0xaba65fe7, 0x52a0c93f),
    TABLE(0x38116fac, 0x7022df58, 0xe045beb0, 0xc5670b91, 0x8f2261d3, 0x1ba8b557, 0x37516aae, 0x6ea2d55c),
    TABLE(0xef306b19, 0xdb8ca0c3, 0xb2f53777, 0x6006181f, 0xc00c303e, 0x85f4168d, 0x0e045beb, 0x1c08b7d6),
    TABLE(0x68032cc8, 0xd0065990, 0xa5e0c5d1, 0x4e2dfd53, 0x9c5bfaa6, 0x3d5b83bd, 0x7ab7077a, 0xf56e0ef4),
    TABLE(0x493c7d27, 0x9278fa4e, 0x211d826d, 0x423b04da, 0x847609b4, 0x0d006599, 0x1a00cb32, 0x34019664),
};

static uint32_t step1(uint32_t crc, uint8_t byte) { return crc >> 8 ^ tables[0][(crc ^ byte) & 255]; }

static uint32_t step8(uint32_t crc, const uint8_t *p)
{
    uint64_t v = le64toh(wire_raw64(p)) ^ crc;
    uint32_t next = 0;
    for (unsigned i = 0; i < 8; i++) next ^= tables[7 - i][v >> 8 * i & 255];
    return next;
}

uint32_t csum_crc32c(uint32_t crc, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    crc = ~crc;
    for (; len >= 8; p += 8, len -= 8) crc = step8(crc, p);
    for (; len > 0; p++, len--) crc = step1(crc, *p);
    return ~crc;
}

uint32_t csum_sctp(const void *packet, size_t len)
{
    static const uint8_t none[4] = {0};
    const uint8_t *p = packet;
    uint32_t crc = csum_crc32c(0, p, SCTP_LEN - sizeof(none)); /* ports and tag */
    crc = csum_crc32c(crc, none, sizeof(none));
    return csum_crc32c(crc, p + SCTP_LEN, len - SCTP_LEN);
}

/* Return a times b modulo the polynomial; bit 31 is x^0. */
static uint32_t times(uint32_t a, uint32_t b)
{
    uint32_t product = 0;
    for (; a; a <<= 1) {
        product ^= a >> 31 ? b : 0;
        b = b >> 1 ^ (b & 1 ? 0x82f63b78 : 0);
    }
    return product;
}

/* Return the CRC's register after `len` zero bytes: crc times x^(8 len). */
static uint32_t follow_zeros(uint32_t crc, uint32_t len)
{
    static const uint32_t powers[] = {
        /* x^(8 2^k) */
        0x00800000, 0x00008000, 0x82f63b78, 0x6ea2d55c, 0x18b8ea18, 0x510ac59a, 0xb82be955, 0xb8fdb1e7,
        0x88e56f72, 0x74c360a4, 0xe4172b16, 0x0d65762a, 0x35d73a62, 0x28461564, 0xbf455269, 0xe2ea32dc,
    };
    for (unsigned k = 0; len; k++, len >>= 1)
        if (len & 1) crc = times(powers[k], crc);
    return crc;
}

uint32_t csum_sctp_update(uint32_t csum, uint32_t from, uint32_t to, size_t len)
{
    uint32_t crc = 0, change = from ^ to, ports = sizeof(change);
    if (len < SCTP_LEN || len > UINT16_MAX) return csum;
    for (unsigned i = 0; i < ports; i++) crc = step1(crc, (uint8_t)(change >> (24 - 8 * i)));
    return csum ^ follow_zeros(crc, (uint32_t)len - ports);
}
