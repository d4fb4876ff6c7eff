/* Look-up tables for large address sets, made when a program is loaded.
 *
 * A set's ranges are sorted, so the last range that starts at or below an address is the only one that may hold it.
 * For a large set that search is a walk through memory; a node cuts the addresses between the set's lowest and its
 * highest into equal buckets, two to four per range, and gives for each bucket the few ranges that reach into it:
 *
 *   node of a v4 set:  base | shift | last bucket | 0 | entry[last + 1]
 *   node of a v6 set:  base (4 words, the upper first) | shift | last bucket | 0 | 0 | entry[last + 1]
 *   entry:             first range << 6 | number of ranges (0..62), or, for a crowded bucket, node << 6 | 63
 *
 * All is one array of u32. It begins with two words per set: the set's v4 node and its v6 node, counted in blocks of
 * 16 words; 0: none, the set is small and is searched directly. A bucket with more than 62 ranges has another node,
 * whose buckets are at least 64 times finer, so a walk passes at most 5 nodes (v4; v6: 22) and ends in a search of
 * at most 62 ranges. Nothing here comes from the file but the ranges, which are proven to be in order. */
#pragma once

#include "vm/program/program.h"

enum {
    SET_PLAIN_MAX = 2048, /* most ranges of a set that is searched without a table (measured; README) */
    SET_BLOCK = 16,       /* words in a block; nodes begin at a multiple */
    SET_COUNT_BITS = 6,
    SET_COUNT_MASK = 63,
    SET_CROWDED = 63, /* count in an entry that names a node */
    SET_NODE4 = 4,    /* words of a v4 node before its entries */
    SET_NODE6 = 8,
    SET_NODES = 22, /* most nodes on one walk: 128 bits, at least 6 per node */
};

/* Sets over two arrays of ranges; within each set, ranges are in order and do not touch. */
struct set_ranges {
    const struct pbc_set *sets;
    const struct pbc_range *set4;
    const struct pbc_range6 *set6;
    uint32_t sets_count, set4_count, set6_count;
};
/* Make the tables of these sets in one mapping, which the caller unmaps; *lookup NULL: no set is large. Return 0 or
 * -ENOMEM. Linear in the ranges, times the depth, and at most 64 bytes per range: past that, sets get no table. */
int set_index_of(const struct set_ranges *r, const uint32_t **lookup, uint64_t *bytes);

/* Make the tables of p, whose ranges are verified, and store them in p->lookup. Return 0 or -ENOMEM. */
int set_index_make(struct program *p);

/* Choose the sets that set_ahead prefetches. Call this after set_index_make. */
void set_ahead_choose(struct program *p);
