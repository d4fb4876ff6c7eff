/* The walk by AVX2: eight lanes at once, a column a register. */
#include "vm/judge/classify/walk_priv.h"

#ifdef __x86_64__
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,bmi,bmi2")))

/* Return a port and its complement in each lane: one saturating subtraction then compares both ends of a range. */
static TARGET inline __m256i port_words(uint32_t port) { return _mm256_set1_epi32((int)(port | ~port << 16)); }

static TARGET inline __m256i column8(const struct pbc_block *b, unsigned column)
{
    return _mm256_load_si256((const __m256i *)(const void *)block_column(b, column));
}

static TARGET INLINE unsigned matching(const struct pbc_block *b, const struct pbc_format *f, unsigned size,
                                       const struct key *key)
{
    const unsigned slots = pbc_format_slots(size);
    const __m256i half = column8(b, pbc_col_half(size));
    __m256i differs = _mm256_and_si256(_mm256_xor_si256(half, _mm256_set1_epi16((short)key->half[f->half])),
                                       _mm256_srli_epi32(half, 16));
    for (unsigned i = 0; i < slots; i++) {
        const __m256i masked = _mm256_and_si256(_mm256_set1_epi32((int)key->slot[f->slot[i]]), column8(b, slots + i));
        differs = _mm256_or_si256(differs, _mm256_xor_si256(masked, column8(b, i)));
    }
    differs = _mm256_or_si256(differs, _mm256_subs_epu16(column8(b, pbc_col_sport(size)), port_words(key->src_port)));
    differs = _mm256_or_si256(differs, _mm256_subs_epu16(column8(b, pbc_col_dport(size)), port_words(key->dst_port)));
    return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(differs, _mm256_setzero_si256())));
}

#include "vm/judge/classify/one.h"
#include "vm/judge/classify/batch.h"

const struct walk_ops walk_avx2 = {.name = "avx2", .one = one, .batch = batch};
#endif
