/* The walk by NEON, four lanes at once, on 64-bit ARM, which always has it. */
#include "vm/judge/classify/walk_priv.h"

#ifdef __aarch64__
#include <arm_neon.h>

#define TARGET

static inline uint32x4_t column4(const struct pbc_line *b, unsigned column, unsigned lane)
{
    return vld1q_u32(block_column(b, column) + lane);
}

/* Return bits in each lane whose range does not hold the rank. */
static inline uint32x4_t rank_outside(uint32x4_t lo, uint32x4_t hi, uint32_t rank)
{
    const uint32x4_t r = vdupq_n_u32(rank);
    return vorrq_u32(veorq_u32(vmaxq_u32(lo, r), r), veorq_u32(vminq_u32(hi, r), r));
}

/* Return bits in each lane whose range does not hold the half. half: beside its complement. */
static inline uint32x4_t half_outside(uint32x4_t ranges, uint32x4_t half)
{
    return vreinterpretq_u32_u16(vqsubq_u16(vreinterpretq_u16_u32(ranges), vreinterpretq_u16_u32(half)));
}

/* Return one bit for each matching lane from `lane` to `lane` + 3. */
static INLINE unsigned matching4(const struct pbc_line *b, const struct pbc_format *f, unsigned lines,
                                 enum masked masked, const struct key *key, unsigned lane, bool ranked)
{
    static const uint32_t bit[4] = {1, 2, 4, 8};
    const unsigned wide = wide_columns(f, masked, ranked);
    uint32x4_t differs = vdupq_n_u32(0);
    for (unsigned i = 1; !ranked && i < wide; i += 2) {
        const uint32x4_t slot = vdupq_n_u32(key->slot[PBC_HALF(f->half[i - 1]) / 2]);
        differs = vorrq_u32(differs, veorq_u32(vandq_u32(slot, column4(b, i + 1, lane)), column4(b, i, lane)));
    }
    if (ranked)
        differs = vorrq_u32(rank_outside(column4(b, 1, lane), column4(b, 2, lane), key->src[0]),
                            rank_outside(column4(b, 3, lane), column4(b, 4, lane), key->dst[0]));
    UNROLLED for (unsigned i = 1 + wide; i <= pbc_columns(lines); i++)
    {
        const uint32_t half = key->half[PBC_HALF(f->half[i - 1])];
        const uint32x4_t column = column4(b, i, lane);
        const uint32x4_t differ = is_masked(f, i, lines, masked)
                                      ? vandq_u32(veorq_u32(column, vdupq_n_u32(half)), vshrq_n_u32(column, 16))
                                      : half_outside(column, vdupq_n_u32(half | ~half << 16));
        differs = vorrq_u32(differs, differ);
    }
    return vaddvq_u32(vandq_u32(vceqzq_u32(differs), vld1q_u32(bit)));
}

#define MATCHING(b, f, lines, masked, key, ranked)                                                                     \
    (matching4(b, f, lines, masked, key, 0, ranked) | matching4(b, f, lines, masked, key, 4, ranked) << 4)
#define bounds_up_to bounds_halved
#define WINDOW       window_of

#include "vm/judge/classify/one.h"
#include "vm/judge/classify/batch.h"

const struct walk_ops walk_neon = {.name = "neon", .one = one, .batch = batch};
#endif
