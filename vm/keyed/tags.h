/* A group of sixteen slots in 32 bytes: one 16-bit tag each, three bits of class above thirteen bits of hash, which
 * are never all 0; tag 0 is a free slot. A comparison of all sixteen at once gives a mask, bit i for slot i.
 *
 * Each comparison has three implementations with equal results: SSE2; a plain one for other machines; and one on
 * words of four tags for the kernel, without a branch, because the kernel's verifier follows each branch both ways. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { GROUP = 16, TAG_HASH = 0x1fff, TAG_CLASS_AT = 13, TAG_CLASS = 7 << TAG_CLASS_AT };

/* Return the mask of tags whose bits under `mask` are `bits`. */
static inline uint32_t tags_equal_plain(const uint16_t tags[GROUP], uint16_t mask, uint16_t bits)
{
    uint32_t equal = 0;
    for (unsigned i = 0; i < GROUP; i++) equal |= (uint32_t)((tags[i] & mask) == bits) << i;
    return equal;
}

/* The same for four tags per word, the first in the lowest bits (the kernel's stages run on little-endian machines).
 * A lane of `differ` is 0 if its tags are equal; adding 0x7fff carries into the highest bit of all others, and a
 * product brings the four bits side by side. */
typedef uint64_t __attribute__((may_alias)) tags_word;
static inline uint32_t tags_equal_words(const uint16_t tags[GROUP], uint16_t mask, uint16_t bits)
{
    const uint64_t ones = 0x0001000100010001, low = 0x7fff * ones, side_by_side = 0x0001000200040008;
    const tags_word *const words = (const tags_word *)tags;
    uint32_t equal = 0;
    for (unsigned i = 0; i < GROUP / 4; i++) {
        const uint64_t differ = (words[i] & mask * ones) ^ bits * ones;
        const uint64_t same = ~(((differ & low) + low) | differ) >> 15 & ones;
        equal |= (uint32_t)(same * side_by_side >> 48 & 0xf) << 4 * i;
    }
    return equal;
}

#ifdef __SSE2__
static inline uint32_t tags_equal_sse2(const uint16_t tags[GROUP], uint16_t mask, uint16_t bits)
{
    const __m128i m = _mm_set1_epi16((short)mask), b = _mm_set1_epi16((short)bits);
    __m128i low = _mm_loadu_si128((const __m128i *)tags), high = _mm_loadu_si128((const __m128i *)(tags + 8));
    low = _mm_cmpeq_epi16(_mm_and_si128(low, m), b);
    high = _mm_cmpeq_epi16(_mm_and_si128(high, m), b);
    return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(low, high));
}
#define tags_equal tags_equal_sse2
#elif defined __bpf__
#define tags_equal tags_equal_words
#else
#define tags_equal tags_equal_plain
#endif

static inline uint32_t tags_like(const uint16_t tags[GROUP], uint16_t hash) { return tags_equal(tags, TAG_HASH, hash); }
static inline uint32_t tags_free(const uint16_t tags[GROUP]) { return tags_equal(tags, 0xffff, 0); }
static inline uint32_t tags_taken(const uint16_t tags[GROUP]) { return tags_free(tags) ^ 0xffff; }

static inline uint32_t tags_of_class(const uint16_t tags[GROUP], unsigned class)
{
    return tags_equal(tags, TAG_CLASS, (uint16_t)(class << TAG_CLASS_AT)) & tags_taken(tags);
}

/* Count the ones in a mask; not every machine has an instruction for it. */
static inline unsigned tags_count(uint32_t mask)
{
    mask -= mask >> 1 & 0x5555;
    mask = (mask & 0x3333) + (mask >> 2 & 0x3333);
    mask = (mask + (mask >> 4)) & 0x0f0f;
    return (mask + (mask >> 8)) & 0x1f;
}

/* Return the index of the lowest bit set in a mask that is not 0, without an instruction for it, and without a
 * branch. The product of the bit and a number whose runs of four bits all differ has a unique index at the top
 * (Leiserson, Prokop, Randall, "Using de Bruijn Sequences to Index a 1 in a Computer Word", 1998); `places` has four
 * bits for each. */
static inline unsigned tags_first_words(uint32_t mask)
{
    const uint64_t places = 0xcd7ea84fb6935210;
    const uint32_t upper = ((mask & 0xffff) - 1) >> 31 << 4, low = mask >> upper;
    return upper + (unsigned)(places >> ((low & -low) * 0x9af >> 12 & 0xf) * 4 & 0xf);
}

/* Return the index of the lowest bit set in a mask that is not 0; not every machine has an instruction for it. */
static inline unsigned tags_first(uint32_t mask)
{
#ifdef __bpf__
    return tags_first_words(mask);
#else
    return (unsigned)__builtin_ctz(mask);
#endif
}

/* Return a slot of the group whose tag has that hash, or GROUP. Natively it is the first such slot; in the kernel it
 * is any, without bringing the bits of all words side by side: slot 4 w + l is bit 16 l + 12 + w here, and a product
 * with a number whose four bits at each of those sixteen places differ has an index for it. */
static inline unsigned tags_find_words(const uint16_t tags[GROUP], uint16_t hash)
{
    const uint64_t ones = 0x0001000100010001, low = 0x7fff * ones, high = 0x8000 * ones, all = 0xf000 * ones;
    const uint64_t product = 0xa00a6006e00f, places = 0x376ba19fe2c5d840;
    const tags_word *const words = (const tags_word *)tags;
    uint64_t equal = all;
    for (unsigned i = 0; i < GROUP / 4; i++)
        equal ^= ((((words[i] & TAG_HASH * ones) ^ hash * ones) + low) & high) >> (GROUP / 4 - 1 - i);
    if (!equal) return GROUP;
    return (unsigned)(places >> ((equal & -equal) * product >> 60) * 4 & 0xf);
}

static inline unsigned tags_find(const uint16_t tags[GROUP], uint16_t hash)
{
#ifdef __bpf__
    return tags_find_words(tags, hash);
#else
    const uint32_t hits = tags_like(tags, hash);
    return hits ? tags_first(hits) : GROUP;
#endif
}

/* Loop over the ones of a group's mask: tags_first gives the current one, and the mask is 0 at the end. The loop is
 * bounded for the kernel's verifier. */
#if defined __bpf__ && defined LOOP
#define TAGS_EACH(mask)                                                                                                \
    TURNS(GROUP)                                                                                                       \
    for (; LOOP(mask); (mask) &= (mask)-1)
#elif defined __bpf__
#define TAGS_EACH(mask) for (unsigned turns_ = GROUP; turns_ && (mask); turns_--, (mask) &= (mask)-1)
#else
#define TAGS_EACH(mask) for (; mask; (mask) &= (mask)-1)
#endif

/* Return the place of a key in three parts: two different groups out of `groups` (at least 2), each as likely as any
 * other, and a tag. The groups come from the upper bits of both halves of the hash, the tag from their lower ones. */
static inline uint32_t place_first(uint64_t hash, uint32_t groups)
{
    return (uint32_t)((uint64_t)(uint32_t)hash * groups >> 32);
}

static inline uint32_t place_second(uint64_t hash, uint32_t groups, uint32_t first)
{
    const uint32_t second = first + 1 + (uint32_t)((hash >> 32) * (groups - 1) >> 32);
    return second < groups ? second : second - groups;
}

static inline uint16_t place_tag(uint64_t hash)
{
    const uint16_t tag = (uint16_t)((hash >> 32 & 0x3f) << 7 | (hash & 0x7f));
    return tag ? tag : 0x80;
}

struct place {
    uint32_t group[2];
    uint16_t tag; /* tag of class 0 */
};

static inline struct place place_of(uint64_t hash, uint32_t groups)
{
    const uint32_t first = place_first(hash, groups);
    return (struct place){.group = {first, place_second(hash, groups, first)}, .tag = place_tag(hash)};
}

/* Return the slot of bit i in a mask of both groups; the first group has the lower bits. */
static inline uint32_t place_slot(const struct place *at, unsigned i)
{
    return at->group[i / GROUP] * GROUP + i % GROUP;
}

/* Choose the group for a new key: the first while more than GROUP_SPARE of its slots are free, so that nearly all keys
 * are found there; else the emptier. *left: mask of its free slots. first, second: tags of both groups. */
enum { GROUP_SPARE = 4 };
static inline uint32_t place_choose_of(const struct place *at, const uint16_t first[GROUP],
                                       const uint16_t second[GROUP], uint32_t *left)
{
    *left = tags_free(first);
    const unsigned room = tags_count(*left);
    if (room > GROUP_SPARE) return at->group[0];
    const uint32_t other = tags_free(second);
    if (tags_count(other) <= room) return at->group[0];
    *left = other;
    return at->group[1];
}

/* Choose the same in a table whose groups' tags are in one array */
static inline uint32_t place_choose(const struct place *at, const uint16_t *tags, uint32_t *left)
{
    return place_choose_of(at, tags + (size_t)at->group[0] * GROUP, tags + (size_t)at->group[1] * GROUP, left);
}
