/* Numbers on the wire: unaligned, most significant byte first. The one place that knows how bytes become numbers. */
#pragma once

#include <endian.h>
#include <stdint.h>
#include <string.h>

/* As they lie in memory: for sums that do not care about byte order (RFC 1071, 2 (B)), and below. */
#ifdef __bpf__
/* What does not say how it is aligned clang reads byte by byte there, though the kernel's machines need not. */
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
