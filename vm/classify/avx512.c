/* Two columns a register. */
#include "vm/classify/walk_priv.h"

#ifdef __x86_64__
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,bmi,bmi2,popcnt")))

static TARGET inline __m512i columns(const struct pbc_block *b, unsigned column)
{
    return _mm512_load_si512(block_column(b, column));
}

static TARGET inline __m256i column8(const struct pbc_block *b, unsigned column)
{
    return _mm256_load_si256((const __m256i *)(const void *)block_column(b, column));
}

/* a in the lower eight lanes, b in the upper. */
static TARGET inline __m512i two(uint32_t a, uint32_t b)
{
    return _mm512_mask_set1_epi32(_mm512_set1_epi32((int)a), 0xff00, (int)b);
}

/* The source port and its complement beside it eight times, then the destination's: one saturating subtraction compares
 * both ends of both ranges. */
static TARGET inline __m512i port_words(const struct key *key)
{
    static const uint8_t spread[64] __attribute__((aligned(64))) = {
#define EACH(a, b) a, b, a, b, a, b, a, b, a, b, a, b, a, b, a, b
        EACH(0, 1), EACH(0, 1), EACH(2, 3), EACH(2, 3)
#undef EACH
    };
    const __m512i ports = _mm512_set1_epi32((int)key->slot[KEY_SLOT(src_port)]);
    return _mm512_xor_si512(_mm512_shuffle_epi8(ports, _mm512_load_si512(spread)), _mm512_set1_epi32((int)0xffff0000));
}

enum { A_OR_B_XOR_C = 0xf6, A_OR_B_OR_C = 0xfe }; /* of vpternlog */

static TARGET INLINE unsigned matching(const struct pbc_block *b, const struct pbc_format *f, unsigned size,
                                       const struct key *key)
{
    const unsigned slots = pbc_format_slots(size);
    __m512i differs = _mm512_subs_epu16(columns(b, pbc_col_sport(size)), port_words(key));
    for (unsigned i = 0; i < slots; i += 2) {
        const __m512i here = two(key->slot[f->slot[i]], key->slot[f->slot[i + 1]]);
        const __m512i masked = _mm512_and_si512(here, columns(b, slots + i));
        differs = _mm512_ternarylogic_epi32(differs, masked, columns(b, i), A_OR_B_XOR_C);
    }
    const __m256i half = column8(b, pbc_col_half(size));
    const __m256i half_differs = _mm256_and_si256(_mm256_xor_si256(half, _mm256_set1_epi16((short)key->half[f->half])),
                                                  _mm256_srli_epi32(half, 16));
    const __m256i all = _mm256_ternarylogic_epi32(half_differs, _mm512_castsi512_si256(differs),
                                                  _mm512_extracti64x4_epi64(differs, 1), A_OR_B_OR_C);
    return _mm256_testn_epi32_mask(all, all);
}

/* Both lists are written whole registers at a time. */
static TARGET inline void append(item *list, __mmask8 which, __m512i items)
{
    _mm512_storeu_si512(list, _mm512_maskz_compress_epi64(which, items));
}

/* What lies at eight places, in bytes from `base`. Loads one by one take a third of the time of the instruction that
 * gathers. */
static TARGET INLINE __m512i load_eight(const void *base, __m512i places)
{
    uint64_t at[8] __attribute__((aligned(64)));
    __m128i pair[4];
    _mm512_store_si512(at, places);
    for (unsigned i = 0; i < 4; i++) {
        const __m128i low = _mm_loadl_epi64((const void *)((const char *)base + at[2 * i]));
        const __m128i high = _mm_loadl_epi64((const void *)((const char *)base + at[2 * i + 1]));
        pair[i] = _mm_unpacklo_epi64(low, high);
    }
    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_set_m128i(pair[1], pair[0])),
                              _mm256_set_m128i(pair[3], pair[2]), 1);
}

/* Eight cuts at once: their windows of the keys' words, and the words of the tree that these lead to. */
static TARGET INLINE __m512i cut_on(const struct image *im, const struct key keys[], __m512i at)
{
    const __m512i number = _mm512_and_si512(at, _mm512_set1_epi64((long long)ITEM_NUMBER));
    const __m512i word = _mm512_and_si512(_mm512_slli_epi64(at, 1), _mm512_set1_epi64(7 << 3));
    const __m512i place = _mm512_or_si512(_mm512_srli_epi64(number, ITEM_PACKET - 6), word); /* keys have 64 bytes */
    const __m512i of_key = load_eight(keys, place);
    const __m512i shift = _mm512_and_si512(_mm512_srli_epi64(at, 5), _mm512_set1_epi64(63));
    const __m512i bits = _mm512_and_si512(_mm512_srli_epi64(at, 11), _mm512_set1_epi64(15));
    const __m512i above = _mm512_sllv_epi64(_mm512_set1_epi64(-2), bits); /* 1 << bits + 1 and all higher bits */
    const __m512i window = _mm512_andnot_si512(above, _mm512_srlv_epi64(of_key, shift));
    const __m512i next = _mm512_add_epi64(_mm512_srli_epi64(at, 32), window);
    return _mm512_or_si512(load_eight(im->tree, _mm512_slli_epi64(next, 3)), number);
}

/* One step for each (batch.h). Of few the steps take longer this way than one by one. */
static TARGET inline unsigned level_wide(const struct image *im, const struct key keys[], item cuts[], unsigned count,
                                         item ends[])
{
    const __m512i kind = _mm512_set1_epi64(3), cut = _mm512_set1_epi64(TREE_CUT);
    unsigned again = 0, ended = 0;
    for (unsigned i = 0; i < count; i += 8) {
        const unsigned left = count - i;
        const __mmask8 there = (__mmask8)(left < 8 ? (1u << left) - 1 : 0xffu);
        const __m512i next = cut_on(im, keys, _mm512_maskz_loadu_epi64(there, cuts + i));
        const __mmask8 cuts_again = _mm512_mask_cmpeq_epi64_mask(there, _mm512_and_si512(next, kind), cut);
        const __mmask8 ends_here = there & (__mmask8)~cuts_again;
        append(cuts + again, cuts_again, next);
        append(ends + ended, ends_here, next);
        again += (unsigned)__builtin_popcount(cuts_again);
        ended += (unsigned)__builtin_popcount(ends_here);
    }
    return again;
}
#define WIDE 17

#include "vm/classify/one.h"
#include "vm/classify/batch.h"

const struct walk_ops walk_avx512 = {.name = "avx512", .one = one, .batch = batch};
#endif
