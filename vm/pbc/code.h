/* Sections of the program file: functions, instructions, classifiers; and the bounds of all code. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

/* A function: straight code with one entry, called with no argument, returning one scalar. Function 0 is the
 * program. Function meta.services runs after function 0 for accepted packets, function meta.streams when the first
 * bytes of a connection to a proxy service have come. A call only goes to a function with a higher index (so calls
 * are acyclic), at most 4 deep. */
struct pbc_func {
    uint32_t name /* string: name of the function */, first, count;
};
struct insn {
    uint8_t op, a;
    uint16_t to;
    uint32_t imm;
};
static_assert(sizeof(struct insn) == 8, "an index is a shift (docs/kernel.md)");

/* A classifier represents an ordered list of rules: its entries. From a given entry on, it finds the first entry
 * whose masks and port ranges all hold for a header key (vm/judge/classify/README.md: how it is walked;
 * compiler/classify: how it is built).
 *
 * All numbers inside are relative to the classifier's own part of ENTRIES, FORMATS, TREE, BLOCKS and RANKS; the parts
 * of one classifier after another tile each section. The search begins at word 0 of its tree. A word is one of these:
 *
 *   CUT    go on at word base + (key.word[word] >> shift & mask of `bits` bits)
 *   FORK   the lower entry of those found at words base and base + 1; `least` is the lowest entry below base + 1,
 *          so that part is visited only if the first found none lower
 *   LEAF   a run of blocks from line `base` on, in a format, whose shape the word repeats
 *   NONE   nothing below here
 *
 * A base is greater than the word's own number, so a tree has no circles; tables (2^bits words, or two) with different
 * bases do not overlap, and those with the same base have the same size. Unused bits of a word are 0. Runs may share
 * blocks if they read them in one format.
 *
 * Fields are where a batch's walk wants them (vm/judge/classify/batch.h): bit 0 means cut and bit 1 that something
 * ends here, of a shape or, for 0, a fork; bits 6-11 are left free; below them the key's word is at its place in
 * bytes; shift and bits are an operand of the instruction that takes a window.
 *
 * A classifier with lines in RANKS (struct pbc_rank) is searched with ranks in place of addresses: each address is
 * looked up once, and slots key.src[0] and key.dst[0] hold the ranks while tree and blocks are read. */
enum tree_kind { TREE_NONE = 0, TREE_CUT = 1, TREE_FORK = 2, TREE_LEAF = 6 };
enum { TREE_WINDOW = 12 /* lowest bit of shift and bits, and of the shape */, TREE_BASE_AT = 38 };
#define TREE_KIND(w)   ((unsigned)(w)&7u)
#define TREE_BASE(w)   ((uint32_t)((w) >> TREE_BASE_AT))      /* CUT, FORK: first word of the table; LEAF: first line */
#define TREE_WORD(w)   ((unsigned)((w) >> 3) & 7u)            /* CUT: index in key.word */
#define TREE_SHIFT(w)  ((unsigned)((w) >> TREE_WINDOW) & 63u) /* CUT: shift of the window */
#define TREE_BITS(w)   ((unsigned)((w) >> 20) & 31u)          /* CUT: bits of the window, 1..16 */
#define TREE_LEAST(w)  ((uint32_t)((w) >> 16) & 0x3fffffu)    /* FORK: lowest entry below base + 1, 22 bits */
#define TREE_SHAPE(w)  ((unsigned)((w) >> TREE_WINDOW) & 15u) /* LEAF: shape of its format */
#define TREE_FORMAT(w) ((uint32_t)((w) >> 16) & 0xffffu)      /* LEAF: format of its blocks */
#define TREE_CUT_WORD(base, word, shift, bits)                                                                         \
    ((uint64_t)(base) << TREE_BASE_AT | (uint64_t)(bits) << 20 | (uint64_t)(shift) << TREE_WINDOW |                    \
     (uint64_t)(word) << 3 | TREE_CUT)
#define TREE_FORK_WORD(base, least) ((uint64_t)(base) << TREE_BASE_AT | (uint64_t)(least) << 16 | TREE_FORK)
#define TREE_LEAF_WORD(base, format, shape)                                                                            \
    ((uint64_t)(base) << TREE_BASE_AT | (uint64_t)(format) << 16 | (uint64_t)(shape) << TREE_WINDOW | TREE_LEAF)

struct pbc_classifier {
    uint32_t name; /* string: name of the list */
    uint32_t entries, entry_count;
    uint32_t formats, format_count;
    uint32_t tree, tree_count;    /* words of the tree, at least one */
    uint32_t blocks, block_count; /* lines of blocks */
    /* Each figure is the largest over all searches of the tree; the verifier recomputes and compares it. A CUT takes
     * the largest of its table's words, a FORK the sum of its two words. */
    uint32_t words;    /* words of the tree that are read */
    uint32_t compared; /* blocks that are read if none before the last one matches */
    uint32_t forks; /* FORKs on a path from the root, at most PBC_FORKS_MAX: counted as 1 + the larger count of a FORK's
                     * words */
    uint32_t chain; /* entries with code that one search may run one after the other; a leaf counts each of its
                     * entries once */
    uint32_t ranks, rank_count;
    uint32_t climbed; /* lines of RANKS that are read for both addresses together */
};
static_assert(sizeof(struct pbc_classifier) == 64, "an index is a shift (docs/kernel.md)");

/* The rank of an address: a number that grows with it (as a number of 128 bits; of IPv4: word 0, and zeros), and
 * differs for addresses that a prefix of the list distinguishes. Two B-trees find it, for sources from line 0 on and
 * for destinations from line 2 on. A node is a line of the upper halves of up to seven bounds, ascending, unused
 * ones all ones. A wide node has their lower halves in the line behind; the others' lower halves are 0. `at` is the
 * number of its bounds at or below the address.
 * - LEAF, not wide: the rank is base + at
 * - LEAF, wide: a bound is the first address of a range, and the rest of the lower halves is the number of low bits
 * free in it (RANK_FREE; 128: it goes to the last of all addresses). The rank is base + 2 at, less 1 if the address
 * is in the range of bound at - 1
 * - INNER: go on at line base + at, or at line base + 2 at if the nodes there are wide
 *
 * All lines that a node leads to be behind it; each is a node or lower halves, and something leads to it. Lines 1
 * and 3 may be left out, as zeros. */
struct pbc_rank {
    uint64_t word[8]; /* halves of seven bounds; then, behind upper halves the rest, behind a leaf's lower ones
                       * RANK_FREE, else 0 */
};
static_assert(sizeof(struct pbc_rank) == 64, "a cache line; an index is a shift (docs/kernel.md)");
enum rank_kind { RANK_LEAF, RANK_INNER };
enum { RANK_BOUNDS = 7, RANK_REST = 7 /* word of the rest */, RANK_SRC = 0, RANK_DST = 2 /* lines of the roots */ };
#define RANK_KIND(rest)   ((unsigned)(rest)&1u)
#define RANK_WIDE(rest)   ((unsigned)((rest) >> 1) & 1u)
#define RANK_STRIDE(rest) ((unsigned)((rest) >> 2) & 1u) /* INNER: 1 if the nodes that it leads to are wide */
#define RANK_COUNT(rest)  ((unsigned)((rest) >> 3) & 7u) /* number of bounds in use */
#define RANK_BASE(rest)   ((uint32_t)((rest) >> 32))
#define RANK_NODE(kind, wide, stride, count, base)                                                                     \
    ((uint64_t)(base) << 32 | (uint64_t)(count) << 3 | (uint64_t)(stride) << 2 | (uint64_t)(wide) << 1 | (kind))
/* Number of free low bits in the range of bound i of a wide leaf. */
#define RANK_FREE(free, i) ((unsigned)((free) >> 8 * (i)) & 255u)
/* Place that a node leads to with that many bounds at or below an address: the next line, or of a leaf that is not wide
 * the rank. */
#define RANK_TO(rest, at) (RANK_BASE(rest) + ((uint32_t)(at) << RANK_STRIDE(rest)))

/* An entry of a classifier. code 0: the entry's rule decides, without other effects. Otherwise the number of an
 * instruction, counted from the first of the function that classifies: the rest of the rule's tests, or its effects;
 * the code may end in AGAIN, which continues the search behind this entry. */
struct pbc_entry {
    uint32_t rule, code;
};

/* The columns of a block, and their questions. A block holds eight rules, lane by lane, in columns of eight u32, and
 * takes `lines` cache lines of two columns. Column 0 has the entries; bit 31 of lane 7: another block of the run
 * follows. The columns behind it, of which column i goes by half[i - 1]:
 * - `pairs` times two, both halves of a slot: value, mask: key.slot & mask == value
 * - one half each, by range: lo | (65535 - hi) << 16
 * - with PBC_MASKED, by mask: value | mask << 16: key.half & mask == value
 *
 * In a classifier with RANKS columns 1 to 4 hold ranges of ranks: lowest and highest of key.src[0], of key.dst[0];
 * their halves are 0, and there are no pairs. In others column 1 is a pair's or asks by range.
 *
 * Lanes ascend by entry, also from block to block. An unused lane has the entry PBC_LANE_NONE and a question that no
 * key answers: for ranks the lowest 1 and the highest 0; for a pair value 1 and mask 0; else all ones in column 1. */
struct pbc_format {
    uint8_t lines; /* cache lines of a block, 1..PBC_LINES_MOST */
    uint8_t pairs;
    uint8_t half[30]; /* for columns behind the first: for a pair 2 * slot and 2 * slot + 1, else the half; 0 behind the
                       * last column */
};
static_assert(sizeof(struct pbc_format) == 32, "an index is a shift (docs/kernel.md)");
struct pbc_line {
    uint32_t col[2][8];
}; /* [column][lane] */
static_assert(sizeof(struct pbc_line) == 64, "an index is a shift (docs/kernel.md)");
#define PBC_MASKED    0x80u
#define PBC_HALF(h)   ((h)&31u)
#define PBC_LANE_MORE 0x80000000u
#define PBC_LANE_NONE 0x3fffffu
enum { PBC_LINES_MOST = 15, PBC_RANK_COLUMNS = 4 };

static inline unsigned pbc_columns(unsigned lines) { return 2 * lines - 1; } /* columns behind the entries */

/* The form of a block, for which a walk has code: its lines behind the first and, from bit 2 on, how many of its
 * last columns ask by mask, if all others ask by range; ONE line; or ANY. 0 is not a shape. */
enum {
    PBC_SHAPE_ONE = 4,
    PBC_SHAPE_ANY = 8,
    PBC_SHAPES = 11,
    PBC_SHAPE_LINES = 4 /* most lines of another shape than ANY */,
    PBC_SHAPE_MASKED = 2,
};
static inline unsigned pbc_shape(const struct pbc_format *f)
{
    unsigned ranges = pbc_columns(f->lines), masked = 0;
    if (f->lines > PBC_SHAPE_LINES || f->pairs) return PBC_SHAPE_ANY;
    for (; masked < PBC_SHAPE_MASKED && ranges > 1 && f->half[ranges - 1] & PBC_MASKED; ranges--) masked++;
    for (unsigned i = 0; i < ranges; i++)
        if (f->half[i] & PBC_MASKED) return PBC_SHAPE_ANY;
    return f->lines == 1 ? PBC_SHAPE_ONE : masked << 2 | (f->lines - 1u);
}
static inline unsigned pbc_shape_lines(unsigned shape) { return (shape & 3) + 1; }
static inline unsigned pbc_shape_masked(unsigned shape) { return shape == PBC_SHAPE_ONE ? 0 : shape >> 2; }

enum {
    PBC_TREE_DEPTH = 32, /* words on a path from the root to a leaf, and forks among them */
    PBC_FORKS_MAX = 6,
    PBC_RANK_DEPTH = 24,        /* lines of RANKS that one address may take */
    PBC_COMPARED_MAX = 1 << 15, /* blocks that one search may compare */
    PBC_CHAIN_WARN = 32,        /* entries with code that one packet may be asked in turn: bound for a warning */
    PBC_CHAIN_MAX = 1024,       /* entries with code that one packet may be asked in turn: bound for an error */
};

enum {
    PBC_CALL_DEPTH = 4,     /* nested calls below function 0: the kernel has 8 frames, for its entry, function 0,
                             * these, a classifier and its leaf */
    PBC_CHAIN_DEPTH = 16,   /* depth of nested `do` in the rule list */
    PBC_BRANCH_MAX = 2000,  /* instructions that a branch may skip */
    PBC_PATH_MAX = 1000000, /* instructions on the longest path, calls expanded */
    PBC_BLOCK_RULES = 1000, /* rules in one function of straight code */
    PBC_REGS = 8,
    PBC_NAME_MAX = 4096,    /* bytes of a name or path; comments may be longer */
    PBC_WALK_MAX = 1 << 24, /* rules, conditions and operands that the naive executor may try for one packet */
};
