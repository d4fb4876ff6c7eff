/* Whose addresses: the SELF bits of both sides and the direction that follows from them (pkt.h, pkt_parse). */
#pragma once

#include "vm/packet/facts.h"
#include "vm/packet/key.h"

static inline bool facts_have_self(const struct facts *f) { return f && (f->self4_count | f->self6_count) != 0; }

/* To a group, to all, or to nobody in particular (0.0.0.0), which a host takes for all. */
static inline bool sides_group4(uint32_t dst) { return dst >> 28 == 0xe || dst + 1 <= 1; }

/* The direction for the SELF bits in `self`; group: to multicast or broadcast. */
static inline uint32_t sides_direction(uint32_t self, bool group)
{
    if (self & KIND_SRC_SELF) return self | KIND_OUT;
    return self | ((self & KIND_DST_SELF) || group ? KIND_IN : KIND_FORWARD);
}

/* KIND_SRC_SELF, KIND_DST_SELF and one of KIND_IN, KIND_OUT, KIND_FORWARD for a packet with these addresses, where
 * there are own addresses (facts_have_self). */
uint32_t sides_of4(const struct facts *f, uint32_t src, uint32_t dst);
uint32_t sides_of6(const struct facts *f, const uint32_t src[4], const uint32_t dst[4]);

static inline uint32_t sides4(const struct facts *f, uint32_t src, uint32_t dst)
{
    return __builtin_expect(facts_have_self(f), 0) ? sides_of4(f, src, dst) : KIND_IN;
}

static inline uint32_t sides6(const struct facts *f, const uint32_t src[4], const uint32_t dst[4])
{
    return __builtin_expect(facts_have_self(f), 0) ? sides_of6(f, src, dst) : KIND_IN;
}

static inline uint32_t sides_of(const struct facts *f, uint8_t family, const uint32_t src[4], const uint32_t dst[4])
{
    return family == 4 ? sides_of4(f, src[0], dst[0]) : sides_of6(f, src, dst);
}
