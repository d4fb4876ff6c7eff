/* Operations on a column: plain, and by vectors of eight lanes. */
#include "vm/judge/columns/columns.h"

/* Without a branch: a lane's result does not predict the next one's. */
static uint64_t plain_equal(const uint32_t column[], uint32_t mask, uint32_t value)
{
    uint64_t yes = 0;
    for (unsigned i = 0; i < COLUMN_LANES; i++) yes |= (uint64_t)((column[i] & mask) == value) << i;
    return yes;
}

static uint64_t plain_within(const uint32_t column[], unsigned shift, uint32_t lo, uint32_t span)
{
    uint64_t yes = 0;
    for (unsigned i = 0; i < COLUMN_LANES; i++) yes |= (uint64_t)((column[i] << shift) - lo <= span) << i;
    return yes;
}

static void plain_put(decided out[], uint64_t lanes, decided d)
{
    for (; lanes; lanes &= lanes - 1) out[__builtin_ctzll(lanes)] = d;
}

static const struct column_ops plain = {
    .name = "plain", .equal = plain_equal, .within = plain_within, .put = plain_put};

#ifdef __x86_64__
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

static AVX2 inline uint64_t lanes8(__m256i equal, unsigned at)
{
    return (uint64_t)(unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(equal)) << at;
}

static AVX2 uint64_t avx2_equal(const uint32_t column[], uint32_t mask, uint32_t value)
{
    const __m256i m = _mm256_set1_epi32((int)mask), v = _mm256_set1_epi32((int)value);
    uint64_t yes = 0;
#pragma GCC unroll 8
    for (unsigned i = 0; i < COLUMN_LANES; i += 8) {
        const __m256i word = _mm256_load_si256((const __m256i *)(const void *)(column + i));
        yes |= lanes8(_mm256_cmpeq_epi32(_mm256_and_si256(word, m), v), i);
    }
    return yes;
}

/* AVX2 has no comparison of unsigned words: x <= span if the smaller of both is x. */
static AVX2 uint64_t avx2_within(const uint32_t column[], unsigned shift, uint32_t lo, uint32_t span)
{
    const __m256i l = _mm256_set1_epi32((int)lo), s = _mm256_set1_epi32((int)span);
    const __m128i by = _mm_cvtsi32_si128((int)shift);
    uint64_t yes = 0;
#pragma GCC unroll 8
    for (unsigned i = 0; i < COLUMN_LANES; i += 8) {
        const __m256i word = _mm256_load_si256((const __m256i *)(const void *)(column + i));
        const __m256i x = _mm256_sub_epi32(_mm256_sll_epi32(word, by), l);
        yes |= lanes8(_mm256_cmpeq_epi32(_mm256_min_epu32(x, s), x), i);
    }
    return yes;
}

/* Write d: a lane's bit, moved to the sign, chooses between the old value and d. */
static AVX2 void avx2_put(decided out[], uint64_t lanes, decided d)
{
    const __m256i bits = _mm256_set1_epi64x((long long)lanes), new = _mm256_set1_epi64x((long long)d);
    for (unsigned i = 0; i < COLUMN_LANES; i += 4) {
        const __m256i sign =
            _mm256_sllv_epi64(bits, _mm256_sub_epi64(_mm256_set_epi64x(60, 61, 62, 63), _mm256_set1_epi64x(i)));
        double *const at = (double *)(void *)(out + i);
        _mm256_storeu_pd(at,
                         _mm256_blendv_pd(_mm256_loadu_pd(at), _mm256_castsi256_pd(new), _mm256_castsi256_pd(sign)));
    }
}

static const struct column_ops avx2 = {.name = "avx2", .equal = avx2_equal, .within = avx2_within, .put = avx2_put};

const struct column_ops *column_ops(enum columns way)
{
    __builtin_cpu_init();
    switch (way) {
    case COLUMNS_PLAIN: return &plain;
    case COLUMNS_AVX2: return __builtin_cpu_supports("avx2") ? &avx2 : NULL;
    case COLUMNS_WAYS: return NULL;
    }
    return NULL;
}
#else
const struct column_ops *column_ops(enum columns way) { return way == COLUMNS_PLAIN ? &plain : NULL; }
#endif

/* Choose at the first call. Threads that call at once choose the same. */
const struct column_ops *column_best(void)
{
    static const struct column_ops *best;
    const struct column_ops *o = __atomic_load_n(&best, __ATOMIC_RELAXED);
    if (__builtin_expect(!o, 0)) {
        for (unsigned way = COLUMNS_WAYS; !o;) o = column_ops((enum columns)-- way);
        __atomic_store_n(&best, o, __ATOMIC_RELAXED);
    }
    return o;
}
