/* Address ranges as prefixes. The longest matching prefix counts, as in the kernel's trie (BPF_MAP_TYPE_LPM_TRIE). */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* An address as a number, first bit highest; an IPv4 address is followed by 96 zero bits. */
__extension__ typedef unsigned __int128 cover_number;

/* Write the number as the 16 bytes of an address. */
static inline void cover_bytes(cover_number n, uint8_t to[16])
{
    for (unsigned i = 0; i < 16; i++) to[i] = (uint8_t)(n >> (120 - 8 * i));
}

struct cover_range {
    cover_number lo, hi; /* inclusive; for IPv4 the bits behind the address are 0 in lo, and 1 in hi */
    uint32_t value;
};

/* Receives a prefix of `bits` bits with its value, which longer prefixes override. */
typedef void cover_fn(void *arg, cover_number first, unsigned bits, uint32_t value);

/* Cover at least one range with prefixes. Ranges are in order, without gaps, and neighbours have different values.
 * Prefixes come in order of address, shorter ones first, so that the first has 0 bits. A block gets the value of the
 * range that holds most of it, which gives about as many prefixes as there were routes. The number of prefixes and
 * the time are O(n × bits of an address). */
void cover(const struct cover_range *ranges, size_t n, cover_fn *fn, void *arg);
