/* The walk by SSE 4.1, four lanes at once, which every x86-64 of the last fifteen years has. */
#include "vm/judge/classify/walk_priv.h"

#ifdef __x86_64__
#include <immintrin.h>

#define TARGET __attribute__((target("sse4.1")))

static TARGET inline __m128i column4(const struct pbc_line *b, unsigned column, unsigned lane)
{
    return _mm_load_si128((const __m128i *)(const void *)(block_column(b, column) + lane));
}

/* Return bits in each lane whose range does not hold the rank. */
static TARGET inline __m128i ranks_outside(__m128i lo, __m128i hi, uint32_t rank)
{
    const __m128i r = _mm_set1_epi32((int)rank);
    return _mm_or_si128(_mm_xor_si128(_mm_max_epu32(lo, r), r), _mm_xor_si128(_mm_min_epu32(hi, r), r));
}

/* Return one bit for each matching lane from `lane` to `lane` + 3. */
static TARGET INLINE unsigned matching4(const struct pbc_line *b, const struct pbc_format *f, unsigned lines,
                                        enum masked masked, const struct key *key, unsigned lane, bool ranked)
{
    const __m128i upper = _mm_set1_epi32((int)0xffff0000);
    const unsigned wide = wide_columns(f, masked, ranked);
    __m128i differs = _mm_setzero_si128();
    for (unsigned i = 1; !ranked && i < wide; i += 2) {
        const __m128i slot = _mm_set1_epi32((int)key->slot[PBC_HALF(f->half[i - 1]) / 2]);
        differs =
            _mm_or_si128(differs, _mm_xor_si128(_mm_and_si128(slot, column4(b, i + 1, lane)), column4(b, i, lane)));
    }
    if (ranked)
        differs = _mm_or_si128(ranks_outside(column4(b, 1, lane), column4(b, 2, lane), key->src[0]),
                               ranks_outside(column4(b, 3, lane), column4(b, 4, lane), key->dst[0]));
    UNROLLED for (unsigned i = 1 + wide; i <= pbc_columns(lines); i++)
    {
        const __m128i column = column4(b, i, lane), half = _mm_set1_epi16((short)key->half[PBC_HALF(f->half[i - 1])]);
        const __m128i differ = is_masked(f, i, lines, masked)
                                   ? _mm_and_si128(_mm_xor_si128(column, half), _mm_srli_epi32(column, 16))
                                   : _mm_subs_epu16(column, _mm_xor_si128(half, upper));
        differs = _mm_or_si128(differs, differ);
    }
    return (unsigned)_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(differs, _mm_setzero_si128())));
}

#define MATCHING(b, f, lines, masked, key, ranked)                                                                     \
    (matching4(b, f, lines, masked, key, 0, ranked) | matching4(b, f, lines, masked, key, 4, ranked) << 4)
#define bounds_up_to bounds_halved
#define WINDOW       window_of

#include "vm/judge/classify/one.h"
#include "vm/judge/classify/batch.h"

const struct walk_ops walk_sse = {.name = "sse4.1", .one = one, .batch = batch};
#endif
