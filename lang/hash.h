/* A hash of bytes without a secret, for tables without hostile keys. Images and texts never depend on its values. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t len)
{
    const uint64_t factor = 0xff51afd7ed558ccdu; /* a step of MurmurHash3's end */
    const uint8_t *b = bytes;
    uint64_t h = seed ^ len * 0x9e3779b97f4a7c15u;
    for (; len >= sizeof h; b += sizeof h, len -= sizeof h) {
        uint64_t word;
        memcpy(&word, b, sizeof word);
        h = (h ^ word) * factor;
        h ^= h >> 32;
    }
    for (size_t i = 0; i < len; i++) h = (h ^ b[i]) * factor;
    return h ^ h >> 29;
}
