/* Checksums against the texts of their standards: full sums, incremental updates over random edits, CRC32c. */
#include "tests/unit/vm/packet.h"

#include "vm/packet/wire.h"

static void fill(uint8_t *p, size_t len, uint64_t *seed)
{
    unsigned kind = draw(seed, 4); /* zeros and all ones are the special cases of one's complement */
    for (size_t i = 0; i < len; i++) p[i] = kind == 0 ? 0 : kind == 1 ? 0xff : (uint8_t)draw(seed, 256);
}

static void test_sum(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (size_t len = 0; len < 300; len++)
        for (unsigned round = 0; round < 8; round++) {
            uint8_t *p = malloc(len + 8), *at = p + draw(&seed, 8); /* at any address */
            assert_non_null(p);
            fill(at, len, &seed);
            uint16_t want = plain_sum(at, len, 0), got = csum_of(at, len);
            assert_int_equal(got, want);
            size_t half = len / 2 & ~(size_t)1;
            assert_int_equal(csum_fold(csum_add(csum_add(0, at, half), at + half, len - half)), want);
            free(p);
        }
}

/* 64 KiB of ones: no carry may be lost. */
static void test_sum_large(void **state)
{
    (void)state;
    static uint8_t ones[65535];
    memset(ones, 0xff, sizeof(ones));
    for (size_t len = 65500; len <= sizeof(ones); len++) assert_int_equal(csum_of(ones, len), plain_sum(ones, len, 0));
    /* The example of RFC 1071, 3. */
    static const uint8_t example[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    assert_int_equal(csum_of(example, sizeof(example)), (uint16_t)~0xddf2);
}

static void put32(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++) p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* A pseudo header's sum equals the sum of its bytes. */
static void test_pseudo(void **state)
{
    (void)state;
    uint64_t seed = 2;
    for (unsigned round = 0; round < 1000; round++) {
        uint32_t src[4], dst[4], len = draw(&seed, 66000);
        uint8_t proto = (uint8_t)draw(&seed, 256), v4[12] = {0}, v6[40] = {0};
        for (unsigned i = 0; i < 4; i++) {
            src[i] = draw(&seed, UINT32_MAX);
            dst[i] = draw(&seed, UINT32_MAX);
            put32(v6 + 4 * i, src[i]);
            put32(v6 + 16 + 4 * i, dst[i]);
        }
        put32(v6 + 32, len);
        v6[39] = proto;
        assert_int_equal(csum_fold(csum_pseudo6(src, dst, proto, len)), plain_sum(v6, sizeof(v6), 0));
        len &= 0xffff;
        put32(v4, src[0]);
        put32(v4 + 4, dst[0]);
        put32(v4 + 8, (uint32_t)proto << 16 | len);
        assert_int_equal(csum_fold(csum_pseudo4(src[0], dst[0], proto, len)), plain_sum(v4, sizeof(v4), 0));
    }
}

/* Checksums are equal, but one's complement has two zeros: an update of data that isn't all zero never makes the
 * other one. */
static void test_updates(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t data[64];
        fill(data, sizeof(data), &seed);
        data[0] |= 1;
        uint16_t csum = csum_of(data, sizeof(data));
        for (unsigned edit = 0; edit < 4; edit++) {
            unsigned at = 2 + 2 * draw(&seed, 23), words = 1u << draw(&seed, 3), bytes = words == 4 ? 16 : 2 * words;
            uint8_t before[16], after[16];
            uint32_t from[4] = {0}, to[4] = {0};
            memcpy(before, data + at, bytes);
            fill(after, bytes, &seed);
            memcpy(data + at, after, bytes);
            for (unsigned i = 0; i < bytes; i++) {
                from[i / 4] = from[i / 4] << 8 | before[i];
                to[i / 4] = to[i / 4] << 8 | after[i];
            }
            uint64_t delta = bytes == 2 ? csum_delta16((uint16_t)from[0], (uint16_t)to[0]) : 0;
            for (unsigned i = 0; i < bytes / 4; i++) delta += csum_delta32(from[i], to[i]);
            csum = csum_apply(csum, delta);
            assert_int_equal(csum, plain_sum(data, sizeof(data), 0));
        }
    }
    assert_int_equal(csum_apply(0xdd2f, csum_delta16(0x5555, 0x3285)), 0x0000); /* the example of RFC 1624, 4 */
}

/* A wrong checksum stays equally wrong. */
static void test_wrong_stays_wrong(void **state)
{
    (void)state;
    uint8_t data[20] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    uint16_t right = csum_of(data, sizeof(data)), wrong = (uint16_t)(right + 0x111);
    uint64_t delta = csum_delta32(0x01020304, 0x0a000001);
    uint16_t after_right = csum_apply(right, delta), after_wrong = csum_apply(wrong, delta);
    assert_int_equal((uint16_t)(after_wrong - after_right), 0x111);
}

static void test_udp_zero(void **state)
{
    (void)state;
    assert_int_equal(csum_udp(0), 0xffff);
    assert_int_equal(csum_udp(0x1234), 0x1234);
    assert_int_equal(csum_udp_updated(0, 0x1234), 0);
    assert_int_equal(csum_udp_updated(0x1234, 0), 0xffff);
    assert_int_equal(csum_udp_updated(0x1234, 0x4321), 0x4321);
}

/* Compute it bit by bit, as RFC 9260, appendix A describes. */
static uint32_t plain_crc32c(const uint8_t *p, size_t len)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        for (unsigned bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
    }
    return ~crc;
}

static void test_crc32c(void **state)
{
    (void)state;
    assert_int_equal(csum_crc32c(0, "123456789", 9), 0xe3069283);
    uint8_t zeros[32] = {0};
    assert_int_equal(csum_crc32c(0, zeros, sizeof(zeros)), 0x8a9136aa); /* RFC 3720, B.4 */
    uint64_t seed = 4;
    uint8_t data[200];
    for (size_t len = 0; len < sizeof(data); len++) {
        fill(data, len, &seed);
        assert_int_equal(csum_crc32c(0, data, len), plain_crc32c(data, len));
        size_t part = len ? draw(&seed, (uint32_t)len) : 0;
        assert_int_equal(csum_crc32c(csum_crc32c(0, data, part), data + part, len - part), plain_crc32c(data, len));
        if (len < 12) continue;
        uint32_t with_field = csum_sctp(data, len);
        memset(data + 8, 0, 4);
        assert_int_equal(with_field, plain_crc32c(data, len));
    }
}

/* A change of only the ports gives the same as the complete packet, at every length; a wrong checksum stays equally
 * wrong. */
static void test_sctp_update(void **state)
{
    (void)state;
    uint8_t bytes[2000];
    uint64_t seed = 12;
    for (size_t len = 12; len <= sizeof(bytes); len += 1 + len / 90) {
        fill(bytes, len, &seed);
        uint32_t from = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
        uint32_t before = csum_sctp(bytes, len), to = from * 31 + 7;
        put32(bytes, to);
        assert_int_equal(csum_sctp_update(before, from, to, len), csum_sctp(bytes, len));
        assert_int_equal(csum_sctp_update(before ^ 9, from, to, len), csum_sctp(bytes, len) ^ 9);
        assert_int_equal(csum_sctp_update(before, from, from, len), before);
    }
    assert_int_equal(csum_sctp_update(5, 1, 2, 11), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sum),     cmocka_unit_test(test_sum_large),         cmocka_unit_test(test_pseudo),
        cmocka_unit_test(test_updates), cmocka_unit_test(test_wrong_stays_wrong), cmocka_unit_test(test_udp_zero),
        cmocka_unit_test(test_crc32c),  cmocka_unit_test(test_sctp_update),
    };
    return cmocka_run_group_tests(tests, NULL, packet_free);
}
