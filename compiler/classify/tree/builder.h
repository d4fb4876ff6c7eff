/* From boxes to the image of one classifier: the tree of cuts and forks and its leaves (pbc.h). Knows no rules, only
 * boxes and which entries have code, so that tests and measurements can give it any. Deterministic: the same boxes give
 * the same image. */
#pragma once

#include "compiler/classify/boxes/boxes.h"
#include "vm/pbc.h"

struct build_limits {
    uint64_t bytes;   /* of tree, formats and blocks together */
    uint32_t workers; /* reserved: 1 */
};

/* Can any frame have these bits of key.kind: (kind & mask) == value? What is cut apart on kind has no rules below where
 * the answer is no. NULL: all can. */
typedef bool kind_possible_fn(uint32_t mask, uint32_t value);

/* What was built, and what there is to say of it. */
struct built {
    uint64_t *tree;
    struct pbc_block *blocks;
    struct pbc_format *formats;
    uint32_t tree_count, block_count, format_count;
    /* struct pbc_classifier's: */
    uint32_t words, compared, forks, chain;
    /* For --stats: */
    uint32_t boxes;                    /* given */
    uint32_t cuts, fork_count, leaves; /* in the tree, shared ones once */
    uint32_t longest_leaf;             /* rules of the longest leaf */
    double expected_blocks;            /* a packet whose header is drawn from the boxes, evenly */
    uint32_t lines;                    /* cache lines on the worst way */
    uint32_t *overlap_sample;          /* of the longest leaf: entries that resist cutting, at most 16 */
    uint32_t overlap_count;
    uint64_t peak_bytes; /* memory that building took */
    uint64_t work;       /* boxes looked at, each time one was: what time is bounded by */
    bool last_resort;    /* some leaf is long because nothing tells its rules apart within the budget */
};

enum build_error {
    BUILD_OK = 0,
    BUILD_NO_MEMORY = -12 /* -ENOMEM */,
    BUILD_TOO_LARGE = -27 /* -EFBIG: not within limits.bytes */
};

/* coded: [boxes->entries], does the entry have code; NULL: none. Returns 0 and fills *out, which built_fini frees, or a
 * build_error with nothing to free. Time is bounded by the number of boxes alone (README.md). */
int classifier_build(const struct boxes *boxes, const bool *coded, kind_possible_fn *possible,
                     const struct build_limits *limits, struct built *out);
void built_fini(struct built *b);

/* Words and blocks that all searches for one packet read at most: one search, and one behind each entry with code that
 * may be asked in turn. What a CLASSIFY adds to the longest path, but for the entries' own code. */
static inline uint64_t built_steps(const struct built *b)
{
    return (1 + (uint64_t)b->words + b->compared) * (1 + (uint64_t)b->chain);
}
