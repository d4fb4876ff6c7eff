/* Ranges of addresses as prefixes, of which the longest that holds an address counts: what a trie of the kernel's
 * holds (BPF_MAP_TYPE_LPM_TRIE). */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* An address as a number, its first bit the highest: an IPv4 address has 96 zeros behind. */
__extension__ typedef unsigned __int128 cover_number;

struct cover_range {
    cover_number lo, hi; /* inclusive; of IPv4 the bits behind are 0 in lo, and 1 in hi */
    uint32_t value;
};

/* The prefix of so many bits has the value, but where a longer one says otherwise. */
typedef void cover_fn(void *arg, cover_number first, unsigned bits, uint32_t value);

/* Ranges in order, which leave no address out, neighbours of different values; at least one. Prefixes come in order of
 * their addresses, the shorter first, the one of no bits first of all. A block has the value of the range that holds
 * most of it, which gives about as many prefixes as there were routes. Prefixes and work are at most in proportion to n
 * times the bits of an address. */
void cover(const struct cover_range *ranges, size_t n, cover_fn *fn, void *arg);
