/* The copy of a frame's head, for all that parses, compares and tests. */
#pragma once

#include "vm/kernel/bpf.h"
#include "vm/packet/wire.h"

/* Bytes that are copied ahead: they hold the headers of nearly every frame. */
enum { HEAD_AHEAD = 128 };

inline_whole void head_words(uint8_t *to, const uint8_t *from, unsigned words)
{
#pragma unroll
    for (unsigned i = 0; i < words; i++) wire_put_raw64(to + 8 * i, wire_raw64(from + 8 * i));
}

/* Copy `len` bytes: the same number of words from the front and from the back, which meet or overlap. False: `len`
 * is too small or too large. */
inline_whole bool head_ends(uint8_t *to, const uint8_t *from, const uint8_t *end, uint64_t len, unsigned words)
{
    if (from + 8 * words > end || len > 16 * words) return false;
    head_words(to, from, words);
    const uint64_t back = len - 8 * words;
    if (back > 8 * words) return false;
    const uint8_t *last = from + back;
    __asm__ volatile("" : "+r"(last)); /* makes the compiler use the checked pointer */
    if (last + 8 * words > end) return false;
    head_words(to + back, last, words);
    return true;
}

/* Copy the first HEAD_AHEAD of `len` contiguous bytes. False: too few to be copied by words. */
inline_whole bool head_ahead(uint8_t *to, const uint8_t *from, const uint8_t *end, uint64_t len)
{
    if (from + HEAD_AHEAD <= end) {
        head_words(to, from, HEAD_AHEAD / 8);
        return true;
    }
    return head_ends(to, from, end, len, 8) || head_ends(to, from, end, len, 4) || head_ends(to, from, end, len, 2);
}
