/* The walk by AVX2: eight lanes at once, one column per register. */
#include "vm/judge/classify/walk_priv.h"

#ifdef __x86_64__
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,bmi,bmi2")))

static TARGET inline __m256i column8(const struct pbc_line *b, unsigned column)
{
    return _mm256_load_si256((const __m256i *)(const void *)block_column(b, column));
}

/* Return bits in each lane whose range does not hold the rank. */
static TARGET inline __m256i ranks_outside(__m256i lo, __m256i hi, uint32_t rank)
{
    const __m256i r = _mm256_set1_epi32((int)rank);
    return _mm256_or_si256(_mm256_xor_si256(_mm256_max_epu32(lo, r), r), _mm256_xor_si256(_mm256_min_epu32(hi, r), r));
}

static TARGET INLINE unsigned matching8(const struct pbc_line *b, const struct pbc_format *f, unsigned lines,
                                        enum masked masked, const struct key *key, bool ranked)
{
    const __m256i upper = _mm256_set1_epi32((int)0xffff0000);
    const unsigned wide = wide_columns(f, masked, ranked);
    __m256i differs = _mm256_setzero_si256();
    for (unsigned i = 1; !ranked && i < wide; i += 2) {
        const __m256i slot = _mm256_set1_epi32((int)key->slot[PBC_HALF(f->half[i - 1]) / 2]);
        differs = _mm256_or_si256(differs, _mm256_xor_si256(_mm256_and_si256(slot, column8(b, i + 1)), column8(b, i)));
    }
    if (ranked)
        differs = _mm256_or_si256(ranks_outside(column8(b, 1), column8(b, 2), key->src[0]),
                                  ranks_outside(column8(b, 3), column8(b, 4), key->dst[0]));
    UNROLLED for (unsigned i = 1 + wide; i <= pbc_columns(lines); i++)
    {
        const __m256i column = column8(b, i), half = _mm256_set1_epi16((short)key->half[PBC_HALF(f->half[i - 1])]);
        const __m256i differ = is_masked(f, i, lines, masked)
                                   ? _mm256_and_si256(_mm256_xor_si256(column, half), _mm256_srli_epi32(column, 16))
                                   : _mm256_subs_epu16(column, _mm256_xor_si256(half, upper));
        differs = _mm256_or_si256(differs, differ);
    }
    return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(differs, _mm256_setzero_si256())));
}

/* Return all ones in each of four numbers of the line that is above `than`, whose sign bits are flipped. */
static TARGET inline __m256i above4(const struct pbc_rank *line, unsigned first, __m256i than)
{
    const __m256i here = _mm256_load_si256((const __m256i *)(const void *)(line->word + first));
    return _mm256_cmpgt_epi64(_mm256_xor_si256(here, _mm256_set1_epi64x(INT64_MIN)), than);
}

/* Return which of four bounds are above the address, one bit each. */
static TARGET INLINE unsigned bounds_above(const struct pbc_rank *node, const struct pbc_rank *lower, unsigned first,
                                           struct address a)
{
    const __m256i upper = _mm256_set1_epi64x((int64_t)(a.upper ^ 1ull << 63));
    __m256i above = above4(node, first, upper);
    if (lower) {
        const __m256i here = _mm256_load_si256((const __m256i *)(const void *)(node->word + first));
        const __m256i same = _mm256_cmpeq_epi64(here, _mm256_set1_epi64x((int64_t)a.upper));
        const __m256i behind = above4(lower, first, _mm256_set1_epi64x((int64_t)(a.lower ^ 1ull << 63)));
        above = _mm256_or_si256(above, _mm256_and_si256(same, behind));
    }
    return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(above));
}

/* Return the number of a node's bounds at or below the address, four compared at once. */
static TARGET INLINE uint32_t bounds_up_to(const struct pbc_rank *node, const struct pbc_rank *lower, struct address a)
{
    const unsigned above = bounds_above(node, lower, 0, a) | bounds_above(node, lower, 4, a) << 4;
    const uint32_t at = (uint32_t)__builtin_ctz(above | 1u << RANK_BOUNDS), count = RANK_COUNT(node->word[RANK_REST]);
    return at < count ? at : count;
}

#define MATCHING matching8
/* The shift and the number of bits are in the cut as in the instruction's operand. */
#define WINDOW(word, cut) __bextr_u64(word, (cut) >> TREE_WINDOW)

#include "vm/judge/classify/one.h"
#include "vm/judge/classify/batch.h"

const struct walk_ops walk_avx2 = {.name = "avx2", .one = one, .batch = batch};
#endif
