/* From boxes to the image of one classifier: the tree of cuts and forks and its leaves (pbc.h). It knows only boxes
 * and the entries that have code, not rules, so that tests and measurements can supply these. Deterministic: the
 * same boxes give the same image. */
#pragma once

#include "compiler/classify/boxes/boxes.h"
#include "vm/pbc.h"

enum build_ranks { RANKS_BY_COST, RANKS_NEVER, RANKS_ALWAYS /* all but NEVER: only if ranks suit */ };
struct build_limits {
    uint64_t bytes;   /* most bytes of tree, formats, blocks and ranks together */
    uint32_t workers; /* reserved, must be 1 */
    enum build_ranks ranks;
};

/* True if some frame has these bits of key.kind: (kind & mask) == value. Cuts on kind skip values that no frame has.
 * NULL: all values are possible. */
typedef bool kind_possible_fn(uint32_t mask, uint32_t value);

/* The image, and figures about it. */
struct built {
    uint64_t *tree;
    struct pbc_line *blocks;
    struct pbc_format *formats;
    struct pbc_rank *ranks;
    uint32_t tree_count, block_count, format_count, rank_count;
    /* fields of struct pbc_classifier: */
    uint32_t words, compared, forks, chain, climbed;
    /* figures for --stats: */
    uint32_t boxes;                    /* number of boxes given */
    uint32_t cuts, fork_count, leaves; /* in the tree; shared parts count once */
    uint32_t longest_leaf;             /* rules in the longest leaf */
    double expected_blocks;            /* mean for a packet whose header is drawn from the boxes evenly */
    uint32_t lines;                    /* cache lines on the worst way */
    uint32_t *overlap_sample;          /* at most 16 entries of the longest leaf that resist cutting */
    uint32_t overlap_count;
    uint64_t peak_bytes; /* most memory held during the build */
    uint64_t work;       /* number of boxes looked at, with repetitions, which bounds the time */
    bool last_resort;    /* true if a leaf is long because nothing distinguishes its rules within the budget */
};

enum build_error {
    BUILD_OK = 0,
    BUILD_NO_MEMORY = -12 /* -ENOMEM */,
    BUILD_TOO_LARGE = -27 /* -EFBIG: exceeds limits.bytes */
};

/* Build a classifier. coded, [boxes->entries]: entries with code; NULL: none. Return 0 and fill *out, which built_fini
 * frees, or a build_error with nothing to free. Time is bounded by the number of boxes (README.md). */
int classifier_build(const struct boxes *boxes, const bool *coded, kind_possible_fn *possible,
                     const struct build_limits *limits, struct built *out);
void built_fini(struct built *b);

static inline uint64_t built_bytes(const struct built *b)
{
    return b->tree_count * sizeof *b->tree + b->block_count * sizeof *b->blocks + b->format_count * sizeof *b->formats +
           b->rank_count * sizeof *b->ranks;
}

/* Bounds that the builder aims at: lines on the worst way, and bytes per rule. The latter is for images of more than
 * a mebibyte, because these no longer fit in a processor's second-level cache. */
enum {
    BUILT_LINES = 64,
    BUILT_LINES_LARGE = 96,
    BUILT_LARGE = 150000 /* a list with more boxes is large */,
    BUILT_BYTES = 400,
    BUILT_FEW = 1 << 20
};
static inline uint32_t built_lines_bound(uint32_t boxes)
{
    return boxes > BUILT_LARGE ? BUILT_LINES_LARGE : BUILT_LINES;
}
static inline uint64_t built_bytes_bound(uint32_t entries)
{
    const uint64_t bytes = (uint64_t)BUILT_BYTES * entries;
    return bytes > BUILT_FEW ? bytes : BUILT_FEW;
}

/* Return the most words, blocks and lines that all searches for one packet read: one search, and one behind each entry
 * with code that may be asked in turn. A CLASSIFY adds this to the longest path, besides the entries' own code. */
static inline uint64_t built_steps(const struct built *b)
{
    return (1 + (uint64_t)b->climbed + b->words + b->compared) * (1 + (uint64_t)b->chain);
}
