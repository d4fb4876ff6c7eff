/* Shared by the files behind builder.h: the state of one build, and the parts of the key space that it goes through. */
#pragma once

#include <stddef.h>

#include "compiler/classify/tree/builder.h"

enum {
    SLOT_KIND = 8,
    SLOT_PORTS = 10,
    NO_COLUMN = 0xff,
};

/* A field of which boxes ask ranges: ports, and ranks if the boxes have them. */
struct range {
    uint32_t lo, hi;
};
enum range_field { RANGE_SPORT, RANGE_DPORT, RANGE_SRC, RANGE_DST, RANGES_MOST, NO_RANGE = RANGES_MOST };
static inline struct range box_range(const struct boxes *b, unsigned field, uint32_t box)
{
    if (field >= RANGE_SRC) {
        const struct rank_range r = b->rank[field - RANGE_SRC][box];
        return (struct range){r.lo, r.hi};
    }
    const struct port_range r = field == RANGE_SPORT ? b->sport[box] : b->dport[box];
    return (struct range){r.lo, r.hi};
}
static inline unsigned range_fields(const struct boxes *b) { return b->rank[0] ? RANGES_MOST : RANGE_SRC; }
static inline bool range_holds(struct range a, struct range b) { return a.lo <= b.lo && a.hi >= b.hi; }
static inline struct range range_clip(struct range r, struct range to)
{
    return (struct range){r.lo > to.lo ? r.lo : to.lo, r.hi < to.hi ? r.hi : to.hi};
}
/* A range field's place in the key: its slot, and its bits there from `first` on. */
struct range_place {
    uint8_t slot, first, bits;
};
struct range_place range_place(const struct boxes *b, unsigned field);

/* A part of the key space: the bits fixed on the way to it. */
struct part {
    uint32_t value[16], mask[16]; /* value & ~mask is 0 */
};
/* A list of boxes, by number, ascending. */
struct list {
    uint32_t *box, count;
};
/* Bytes, forks and depth that may still be spent below. */
struct allowance {
    uint64_t bytes;
    unsigned forks, depth; /* on a path; depth in words, this word included */
};
/* The worst values over all ways below a word, each taken separately. */
struct worst {
    uint32_t words, compared, forks, chain, lines;
    uint32_t least; /* lowest entry below; PBC_LANE_NONE: none */
};

/* A stack of chunks: memory is released in reverse order of allocation. */
struct chunk;
struct stack {
    struct chunk *top;
};
struct stack_mark {
    struct chunk *chunk;
    size_t used;
};

/* A table that finds equal members of arrays that only grow. */
struct index {
    struct place {
        uint32_t hash, member; /* 1 + the member's number, 0: free */
    } * place;
    uint32_t cap, count;
};
struct table {
    uint32_t first, count; /* range in build.words */
    struct worst worst;
};
struct leaf {
    uint32_t block, lanes;
    uint32_t blocks, lines;
    uint16_t format;
    uint32_t chain;
    uint32_t least; /* its first entry */
};

struct build {
    const struct boxes *b;
    const bool *coded;
    kind_possible_fn *possible;
    bool parted;          /* true: build the parts made by open addresses; false: the complete list */
    bool short_ways;      /* true: prefer more bytes to long ways, for lists that would exceed BUILT_LINES */
    unsigned forks_most;  /* most forks on a path */
    uint64_t reserve;     /* bytes reserved for parts that resist cutting, besides those shared out */
    uint8_t column[16];   /* column of each slot, or NO_COLUMN */
    uint32_t no_prefixes; /* one bit for each half in which some box asks for something other than a prefix */
    struct stack stack;
    uint64_t held, peak;     /* bytes held, now and at most */
    bool failed;             /* true if out of memory */
    struct scratch *scratch; /* owned by score.c */

    /* The image in the making. A table is behind all tables that it leads to. The base of a cut or fork is its
     * table's number; the base of a leaf is the leaf's number. */
    uint64_t *words;
    struct table *tables;
    struct leaf *leaves;
    struct pbc_line *blocks;
    struct pbc_format *formats;
    uint32_t word_count, word_cap, table_count, table_cap, leaf_count, leaf_cap, block_count, block_cap, format_count,
        format_cap;
    struct index table_index, leaf_index, format_index;
    uint64_t spared_lines; /* lines by which blocks are smaller than their price */
    uint64_t work;         /* number of boxes looked at, counted each time */
    uint32_t longest;      /* 1 + the number of the leaf with most lanes */
    bool last_resort;
    bool unsayable;      /* true for a leaf that fits no format, without room to cut it */
    uint32_t lines_most; /* most lines on the worst way of a useful image; 0: any number */
    bool beaten;         /* true if the image exceeds lines_most: building has stopped, as with `failed` */
};

/* open.c: a list in parts, by the addresses that boxes leave open. Parts ascend by their first boxes, which have the
 * lowest entries of their parts. */
enum { PARTS_MOST = 4 };
struct parts {
    struct list part[PARTS_MOST];
    unsigned count;
};
/* Find the parts; lists are on b->stack. False: too few boxes leave source or destination open, or out of memory. */
bool parts_find(struct build *b, struct parts *parts);
/* Take the whole list as the only part. */
void parts_whole(struct build *b, struct parts *parts);

/* memory.c: get and free memory. All memory is counted; NULL sets build.failed. */
void *mem_grow(struct build *b, void *array, uint32_t count, uint32_t *cap, size_t size, uint32_t more);
void *mem_take(struct build *b, size_t bytes);
void mem_give(struct build *b, void *p, size_t bytes);
struct stack_mark stack_mark(const struct build *b);
void *stack_get(struct build *b, size_t bytes);
void stack_release(struct build *b, struct stack_mark mark);

/* part.c: parts of the key space, and the boxes in them */
/* Return the values of a range field in the part. */
struct range part_range(const struct boxes *b, const struct part *p, unsigned field);
/* Return the bits that the box asks and that the part leaves open. */
static inline uint32_t open_mask(const struct build *b, const struct part *p, uint32_t box, unsigned column)
{
    return b->b->mask[column][box] & ~p->mask[b->b->slot[column]];
}
/* Drop boxes that no key of the part finds. Return the number of boxes left. */
uint32_t part_prune(struct build *b, struct list l, const struct part *p);

/* Return the number of set bits among 16: builds need it often, and not every processor has an instruction for it. */
static inline unsigned ones(uint32_t bits)
{
    bits -= bits >> 1 & 0x5555;
    bits = (bits & 0x3333) + (bits >> 2 & 0x3333);
    bits = (bits + (bits >> 4)) & 0x0f0f;
    return (bits + (bits >> 8)) & 31;
}

/* key_window.c: a window of the key's bits, within one slot or one port. */
struct window {
    uint8_t slot, shift, width; /* shift within the slot; width 1..16 */
};
/* The `count` children of a window that a box reaches. */
struct span {
    uint32_t first, count;
    uint32_t free; /* bits that the box leaves open; 0 for ranges */
    uint32_t wrap; /* number of children - 1 */
    bool range;
};
/* Return the range field that the window cuts; NO_RANGE: it cuts values and masks. */
unsigned window_range(const struct boxes *b, struct window w);
struct span window_span(const struct build *b, const struct part *p, uint32_t box, struct window w);
/* Return child i of a span; `last` is the previous child (any value for i = 0). */
static inline uint32_t span_child(const struct span *s, uint32_t i, uint32_t last)
{
    if (s->range) return (s->first + i) & s->wrap;
    return i ? s->first | (((last & s->free) - s->free) & s->free) : s->first;
}
/* True if the box holds for all keys of the child in the window's field, or for the same keys of every child that it
 * reaches. Then children with the same boxes are equal. */
bool window_alike(const struct build *b, const struct part *p, uint32_t box, struct window w, uint32_t child);
struct part window_child(const struct part *p, struct window w, uint32_t child);
static inline uint64_t window_word(struct window w, uint32_t table)
{
    return TREE_CUT_WORD(table, w.slot / 2u, (w.slot & 1u) * 32u + w.shift, w.width);
}

/* score.c: ways to continue at a part */
enum way { WAY_LEAF, WAY_CUT, WAY_FORK };
struct plan {
    enum way way;
    struct window window;
    uint32_t most; /* FORK: most children that a box may reach before it is treated separately */
};
/* Find ways to continue here, best first, at most `most`. Return their number. */
unsigned plans_find(struct build *b, struct list l, const struct part *p, struct allowance a, struct plan plans[],
                    unsigned most);

/* leaf.c: numbers of boxes that bound leaves */
enum { LEAF_FEW = 8, LEAF_BOXES = 16, LEAF_LONG = 32, LEAF_RESISTS = 64 };
/* Return the price of a leaf with these boxes in the part. 0: no format can hold their questions. */
uint64_t leaf_bytes(const struct build *b, const struct part *p, struct list l);
uint64_t leaf_word(struct build *b, const struct part *p, struct list l);

/* node.c: build a part, and return its word */
uint64_t node_word(struct build *b, struct list l, const struct part *p, struct allowance a);

/* cut.c: cut the part by the window into *word. False if the result exceeds the allowance; the state is then
 * unchanged. */
bool cut_word(struct build *b, struct list l, const struct part *p, struct window w, struct allowance a,
              uint64_t *word);

/* tree_tables.c: store a table; equal tables are stored once. */
uint32_t table_add(struct build *b, const uint64_t words[], uint32_t count);
struct worst word_worst(const struct build *b, uint64_t word);
/* Note that some way below a word reads this many lines: the way from the root reads at least this many. */
static inline void bound_lines(struct build *b, uint32_t lines)
{
    if (b->lines_most && lines >= b->lines_most) b->beaten = b->failed = true;
}
static inline uint64_t build_bytes(const struct build *b)
{
    return b->word_count * sizeof(uint64_t) + b->block_count * sizeof(struct pbc_line) +
           b->format_count * sizeof(struct pbc_format);
}
/* Room is shared out by bytes, but each block counts as at least PRICED_LINES lines. So the room holds the same
 * number of boxes of any list, which limits what a build looks at. */
enum { PRICED_LINES = 4 };
static inline uint64_t build_price(const struct build *b)
{
    return build_bytes(b) + b->spared_lines * sizeof(struct pbc_line);
}
/* Return the place of the member with that hash for which `equal` holds, or a free place for it; NULL: out of
 * memory. */
typedef bool equal_fn(const struct build *b, uint32_t member, const void *what);
struct place *index_find(struct build *b, struct index *x, uint32_t hash, equal_fn *equal, const void *what);
void index_put(struct index *x, struct place *at, uint32_t hash, uint32_t member);

/* layout.c: order the tree, parents before children. */
bool layout(struct build *b, uint64_t root, struct built *out);

/* expect.c: return the number of blocks that a packet drawn from the boxes reads, on the finished image. */
double expected_blocks(const struct boxes *b, kind_possible_fn *possible, const struct built *image);
