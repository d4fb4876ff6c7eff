/* Look-up tables for large address sets, made when a program is loaded.
 *
 * A set's ranges are sorted, so the last one that starts at or below an address is the only one that may hold it. For
 * a large set that search is a walk through memory; a node cuts the addresses between the set's lowest and its highest
 * into equal buckets, two to four a range, and says for each which few ranges reach into it:
 *
 *   node of a v4 set:  base | shift | last bucket | 0 | entry[last + 1]
 *   node of a v6 set:  base (4 words, the upper first) | shift | last bucket | 0 | 0 | entry[last + 1]
 *   entry:             first range << 6 | how many (0..62), or node << 6 | 63 where more ranges crowd into one bucket
 *
 * All is one array of u32. It begins with two words a set: the set's v4 node and its v6 node, counted in blocks of 16
 * words, 0 for none: such a set is small, and searched as it is. A crowded bucket has a node of its own whose buckets
 * are at least 64 times finer, so a walk passes at most 5 nodes (v4; v6: 22) and ends in a search of at most 62
 * ranges. Nothing here comes from the file but the ranges, which are proven to be in order. */
#pragma once

#include "vm/program/program.h"

enum {
    SET_PLAIN_MAX = 2048, /* ranges of a set that is searched without a table (measured; README) */
    SET_BLOCK = 16,       /* words; nodes begin at a multiple */
    SET_COUNT_BITS = 6,
    SET_COUNT_MASK = 63,
    SET_CROWDED = 63, /* the entry names a node */
    SET_NODE4 = 4,    /* words before the entries */
    SET_NODE6 = 8,
    SET_NODES = 22, /* on one walk, at most: 128 bits, 6 or more a node */
};

/* Sets over two arrays of ranges, in order and apart from one another within each set. */
struct set_ranges {
    const struct pbc_set *sets;
    const struct pbc_range *set4;
    const struct pbc_range6 *set6;
    uint32_t sets_count, set4_count, set6_count;
};
/* Make the tables of these into one mapping, which is the caller's to unmap; *lookup NULL: no set is large. 0 or
 * -ENOMEM. Linear in the ranges but for a factor of the depth; never more than 64 bytes a range: past that, sets are
 * searched plainly. */
int set_index_of(const struct set_ranges *r, const uint32_t **lookup, uint64_t *bytes);

/* Make the tables of p, whose ranges are verified, and hang them into p->lookup. 0 or -ENOMEM. */
int set_index_make(struct program *p);

/* Choose the sets that set_ahead is for; after set_index_make. */
void set_ahead_choose(struct program *p);
