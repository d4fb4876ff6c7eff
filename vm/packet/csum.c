/* The internet checksum. Words are added as they are in memory, eight bytes at a time, and the sum is byte-swapped
 * once at the end: the one's complement sum does not depend on byte order (RFC 1071, 2 (B)). */
#include "vm/packet/wire.h"

static uint32_t fold16(uint64_t sum) { return (uint16_t)~csum_fold(sum); }

/* Return the folded sum of the bytes as words in memory order. */
static uint16_t sum_raw(const uint8_t *p, size_t len)
{
    uint64_t sum = 0, carry = 0; /* carry: overflows of bit 63, worth 1 each */
    for (; len >= 8; p += 8, len -= 8) {
        uint64_t word = wire_raw64(p);
        sum += word;
        carry += sum < word;
    }
    uint8_t rest[8] = {0};
    memcpy(rest, p, len);
    uint64_t word = wire_raw64(rest);
    sum += word;
    carry += sum < word;
    return (uint16_t)fold16((uint64_t)fold16(sum) + carry);
}

uint64_t csum_add(uint64_t sum, const void *bytes, size_t len)
{
    if (len == 0) return sum;
    return sum + be16toh(sum_raw(bytes, len));
}

uint16_t csum_of(const void *bytes, size_t len) { return csum_fold(csum_add(0, bytes, len)); }

static uint64_t words32(uint32_t v) { return (uint64_t)(v >> 16) + (v & UINT16_MAX); }

uint64_t csum_pseudo4(uint32_t src, uint32_t dst, uint8_t proto, uint32_t len)
{
    return words32(src) + words32(dst) + proto + words32(len);
}

uint64_t csum_pseudo6(const uint32_t src[4], const uint32_t dst[4], uint8_t proto, uint32_t len)
{
    uint64_t sum = (uint64_t)proto + words32(len);
    for (unsigned i = 0; i < 4; i++) sum += words32(src[i]) + words32(dst[i]);
    return sum;
}

uint16_t csum_udp(uint16_t computed) { return computed == 0 ? UINT16_MAX : computed; }

uint16_t csum_udp_updated(uint16_t before, uint16_t updated) { return before == 0 ? 0 : csum_udp(updated); }
