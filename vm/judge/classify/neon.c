/* The walk by NEON, four lanes at once, on 64-bit ARM, which always has it. */
#include "vm/judge/classify/walk_priv.h"

#ifdef __aarch64__
#include <arm_neon.h>

#define TARGET

/* Return a port and its complement in each lane: one saturating subtraction then compares both ends of a range. */
static inline uint16x8_t port_words(uint32_t port) { return vreinterpretq_u16_u32(vdupq_n_u32(port | ~port << 16)); }

static inline uint32x4_t outside(uint32x4_t ranges, uint16x8_t port)
{
    return vreinterpretq_u32_u16(vqsubq_u16(vreinterpretq_u16_u32(ranges), port));
}

static inline uint32x4_t column4(const struct pbc_block *b, unsigned column, unsigned lane)
{
    return vld1q_u32(block_column(b, column) + lane);
}

/* Return bits in each lane whose range does not hold the rank. */
static inline uint32x4_t rank_outside(uint32x4_t lo, uint32x4_t hi, uint32_t rank)
{
    const uint32x4_t r = vdupq_n_u32(rank);
    return vorrq_u32(veorq_u32(vmaxq_u32(lo, r), r), veorq_u32(vminq_u32(hi, r), r));
}

/* Return the bits of lanes `lane` to `lane` + 3. */
static INLINE unsigned matching4(const struct pbc_block *b, const struct pbc_format *f, unsigned size,
                                 const struct key *key, unsigned lane, unsigned ranks)
{
    static const uint32_t bit[4] = {1, 2, 4, 8};
    const unsigned slots = pbc_format_slots(size);
    const uint32x4_t half = column4(b, pbc_col_half(size), lane);
    uint32x4_t differs = vandq_u32(veorq_u32(half, vdupq_n_u32(key->half[f->half])), vshrq_n_u32(half, 16));
    for (unsigned i = 0; i < ranks; i++)
        differs =
            vorrq_u32(differs, rank_outside(column4(b, i, lane), column4(b, slots + i, lane), key->slot[f->slot[i]]));
    for (unsigned i = ranks; i < slots; i++) {
        const uint32x4_t masked = vandq_u32(vdupq_n_u32(key->slot[f->slot[i]]), column4(b, slots + i, lane));
        differs = vorrq_u32(differs, veorq_u32(masked, column4(b, i, lane)));
    }
    differs = vorrq_u32(differs, outside(column4(b, pbc_col_sport(size), lane), port_words(key->src_port)));
    differs = vorrq_u32(differs, outside(column4(b, pbc_col_dport(size), lane), port_words(key->dst_port)));
    return vaddvq_u32(vandq_u32(vceqzq_u32(differs), vld1q_u32(bit)));
}

static INLINE unsigned matching(const struct pbc_block *b, const struct pbc_format *f, unsigned size,
                                const struct key *key, unsigned ranks)
{
    return matching4(b, f, size, key, 0, ranks) | matching4(b, f, size, key, 4, ranks) << 4;
}

#define bounds_up_to bounds_halved

#include "vm/judge/classify/one.h"
#include "vm/judge/classify/batch.h"

const struct walk_ops walk_neon = {.name = "neon", .one = one, .batch = batch};
#endif
