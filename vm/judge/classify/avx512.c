/* Two columns a register. */
#include "vm/judge/classify/walk_priv.h"

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

static TARGET inline uint64_t turned(uint64_t x, unsigned by) { return x >> by | x << (64 - by); }

/* What the item's cut asks of its packet's key: the number of the packet and that of the word, side by side, are the
 * place of the word among the words of all keys; turning takes one instruction less than shifting. */
#define KEY_WINDOW
static TARGET INLINE uint64_t key_window(const struct key keys[], item at)
{
    enum { WORD = 7 << 2 };
    static_assert(sizeof *keys == 8 * sizeof(uint64_t), "three bits of a word's place in a key");
    const uint64_t *const words = (const uint64_t *)(const void *)keys;
    const uint64_t of_key = words[_pext_u64(at, ITEM_NUMBER | WORD)];
    return _andn_u64(-2ull << (turned(at, 11) & 63), of_key >> (turned(at, 5) & 63));
}

#include "vm/judge/classify/one.h"
#include "vm/judge/classify/batch.h"

const struct walk_ops walk_avx512 = {.name = "avx512", .one = one, .batch = batch};
#endif
