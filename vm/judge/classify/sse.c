/* The walk by SSE 4.1, four lanes at once, which every x86-64 of the last fifteen years has. */
#include "vm/judge/classify/walk_priv.h"

#ifdef __x86_64__
#include <immintrin.h>

#define TARGET __attribute__((target("sse4.1")))

/* Return a port and its complement in each lane: one saturating subtraction then compares both ends of a range. */
static TARGET inline __m128i port_words(uint32_t port) { return _mm_set1_epi32((int)(port | ~port << 16)); }

static TARGET inline __m128i column4(const struct pbc_block *b, unsigned column, unsigned lane)
{
    return _mm_load_si128((const __m128i *)(const void *)(block_column(b, column) + lane));
}

/* Return bits in each lane whose range does not hold the rank. */
static TARGET inline __m128i outside(__m128i lo, __m128i hi, uint32_t rank)
{
    const __m128i r = _mm_set1_epi32((int)rank);
    return _mm_or_si128(_mm_xor_si128(_mm_max_epu32(lo, r), r), _mm_xor_si128(_mm_min_epu32(hi, r), r));
}

/* Return the bits of lanes `lane` to `lane` + 3. */
static TARGET INLINE unsigned matching4(const struct pbc_block *b, const struct pbc_format *f, unsigned size,
                                        const struct key *key, unsigned lane, unsigned ranks)
{
    const unsigned slots = pbc_format_slots(size);
    const __m128i half = column4(b, pbc_col_half(size), lane);
    __m128i differs =
        _mm_and_si128(_mm_xor_si128(half, _mm_set1_epi16((short)key->half[f->half])), _mm_srli_epi32(half, 16));
    for (unsigned i = 0; i < ranks; i++)
        differs =
            _mm_or_si128(differs, outside(column4(b, i, lane), column4(b, slots + i, lane), key->slot[f->slot[i]]));
    for (unsigned i = ranks; i < slots; i++) {
        const __m128i masked = _mm_and_si128(_mm_set1_epi32((int)key->slot[f->slot[i]]), column4(b, slots + i, lane));
        differs = _mm_or_si128(differs, _mm_xor_si128(masked, column4(b, i, lane)));
    }
    differs = _mm_or_si128(differs, _mm_subs_epu16(column4(b, pbc_col_sport(size), lane), port_words(key->src_port)));
    differs = _mm_or_si128(differs, _mm_subs_epu16(column4(b, pbc_col_dport(size), lane), port_words(key->dst_port)));
    return (unsigned)_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(differs, _mm_setzero_si128())));
}

static TARGET INLINE unsigned matching(const struct pbc_block *b, const struct pbc_format *f, unsigned size,
                                       const struct key *key, unsigned ranks)
{
    return matching4(b, f, size, key, 0, ranks) | matching4(b, f, size, key, 4, ranks) << 4;
}

#define bounds_up_to bounds_halved

#include "vm/judge/classify/one.h"
#include "vm/judge/classify/batch.h"

const struct walk_ops walk_sse = {.name = "sse4.1", .one = one, .batch = batch};
#endif
