/* FNV-1a (RFC 9923), 32 bits: a hash of names for tables and for names that must be short. Chosen names can be made to
 * collide. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t fnv(const void *bytes, size_t len)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < len; i++) h = (h ^ ((const uint8_t *)bytes)[i]) * 16777619u;
    return h;
}

static inline uint32_t fnv_text(const char *text) { return fnv(text, strlen(text)); }
