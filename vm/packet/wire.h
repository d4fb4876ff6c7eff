/* Numbers and checksums on the wire. Numbers: unaligned, most significant byte first. Only this file turns bytes into
 * numbers. */
#pragma once

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Numbers as they are in memory: for sums, which do not depend on byte order (RFC 1071, 2 (B)), and for use below. */
#ifdef __bpf__
/* Types with natural alignment. clang for BPF reads others byte by byte, which the kernel's machines do not need. */
typedef uint16_t __attribute__((__may_alias__)) wire16;
typedef uint32_t __attribute__((__may_alias__)) wire32;
typedef uint64_t __attribute__((__may_alias__)) wire64;

static inline uint16_t wire_raw16(const uint8_t *p) { return *(const wire16 *)p; }
static inline uint32_t wire_raw32(const uint8_t *p) { return *(const wire32 *)p; }
static inline uint64_t wire_raw64(const uint8_t *p) { return *(const wire64 *)p; }
static inline void wire_put_raw16(uint8_t *p, uint16_t v) { *(wire16 *)p = v; }
static inline void wire_put_raw32(uint8_t *p, uint32_t v) { *(wire32 *)p = v; }
static inline void wire_put_raw64(uint8_t *p, uint64_t v) { *(wire64 *)p = v; }
#else
static inline uint16_t wire_raw16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint32_t wire_raw32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint64_t wire_raw64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline void wire_put_raw16(uint8_t *p, uint16_t v) { memcpy(p, &v, sizeof(v)); }
static inline void wire_put_raw32(uint8_t *p, uint32_t v) { memcpy(p, &v, sizeof(v)); }
static inline void wire_put_raw64(uint8_t *p, uint64_t v) { memcpy(p, &v, sizeof(v)); }
#endif

static inline uint16_t wire_get16(const uint8_t *p) { return be16toh(wire_raw16(p)); }
static inline uint32_t wire_get32(const uint8_t *p) { return be32toh(wire_raw32(p)); }
static inline uint64_t wire_get64(const uint8_t *p) { return be64toh(wire_raw64(p)); }
static inline uint64_t wire_get48(const uint8_t *p) { return (uint64_t)wire_get16(p) << 32 | wire_get32(p + 2); }

static inline void wire_put16(uint8_t *p, uint16_t v) { wire_put_raw16(p, htobe16(v)); }
static inline void wire_put32(uint8_t *p, uint32_t v) { wire_put_raw32(p, htobe32(v)); }
static inline void wire_put64(uint8_t *p, uint64_t v) { wire_put_raw64(p, htobe64(v)); }
static inline void wire_put48(uint8_t *p, uint64_t v)
{
    wire_put16(p, (uint16_t)(v >> 32));
    wire_put32(p + 2, (uint32_t)v);
}

/* Checksums: the internet checksum (RFC 1071) with its pseudo headers, its incremental update (RFC 1624, eqn. 3),
 * and SCTP's CRC32c (RFC 9260). Numbers are in host order; bytes may be at any address.
 *
 * A running sum is a u64 of 16-bit or 32-bit words as they read on the wire (2^16 counts as 1); it is never negative,
 * never wraps (2^31 additions fit), and only csum_fold turns it into a checksum. */

/* Add bytes to a running sum. Every part but the last has an even length; an odd last byte is padded with 0 (RFC 1071,
 * 1). */
uint64_t csum_add(uint64_t sum, const void *bytes, size_t len);
/* Return the checksum of the added bytes: the complement of the folded sum, to be stored most significant byte
 * first. */
static inline uint16_t csum_fold(uint64_t sum)
{
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    return (uint16_t) ~((sum & UINT16_MAX) + (sum >> 16));
}
/* Return the checksum of bytes. 0: bytes that include their own checksum are intact. */
uint16_t csum_of(const void *bytes, size_t len);

/* Return the sum of a pseudo header: of RFC 9293, 3.1 and RFC 768 (v4; addresses in host order), or of RFC 8200, 8.1
 * (v6; four words, most significant first). len: bytes of the upper-layer packet. */
uint64_t csum_pseudo4(uint32_t src, uint32_t dst, uint8_t proto, uint32_t len);
uint64_t csum_pseudo6(const uint32_t src[4], const uint32_t dst[4], uint8_t proto, uint32_t len);

/* Update a checksum after fields at even offsets changed from `from` to `to` (RFC 1624, eqn. 3: HC' = ~(~HC + ~m +
 * m')): the deltas of the fields add up to a running sum, and one csum_apply adds it. A wrong checksum stays wrong
 * by the same amount. A field at an odd offset counts with its bytes swapped (RFC 1071, 2 (B)). */
static inline uint64_t csum_delta16(uint16_t from, uint16_t to) { return (uint64_t)(uint16_t)~from + to; }
static inline uint64_t csum_delta32(uint32_t from, uint32_t to) { return (uint64_t)(uint32_t)~from + to; }
static inline uint16_t csum_apply(uint16_t csum, uint64_t delta) { return csum_fold((uint16_t)~csum + delta); }

/* Return the UDP checksum to send: a computed 0 becomes 0xffff (RFC 768). */
uint16_t csum_udp(uint16_t computed);
/* Return the UDP checksum to send after an update: 0 before means none, and stays; a computed 0 becomes 0xffff. */
uint16_t csum_udp_updated(uint16_t before, uint16_t updated);

/* Continue a CRC32c (Castagnoli, reflected, polynomial 0x1edc6f41) over bytes; start with 0. csum_crc32c(0,
 * "123456789", 9) is 0xe3069283. */
uint32_t csum_crc32c(uint32_t crc, const void *bytes, size_t len);
/* Return the checksum of an SCTP packet (common header and chunks, at least 12 bytes), computed with its own field
 * as 0; stored least significant byte first (RFC 9260, 6.8 and appendix A). */
uint32_t csum_sctp(const void *packet, size_t len);
/* Return that checksum after the packet's first four bytes, its ports, changed. len: bytes of the whole packet, at
 * least 12, none of which is read. A CRC is linear, so a wrong one stays wrong by the same amount. */
uint32_t csum_sctp_update(uint32_t csum, uint32_t from, uint32_t to, size_t len);
