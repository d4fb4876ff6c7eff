/* What the files behind builder.h share: the state of one build, the parts of the key space it goes through. */
#pragma once

#include <stddef.h>

#include "compiler/classify/tree/builder.h"

enum {
    SLOT_KIND = 8,
    SLOT_PORTS = 10,
    NO_COLUMN = 0xff,
};

/* A part of the key space: the bits that the way to it has told. Of slot 10 the ports' ranges follow. */
struct part {
    uint32_t value[16], mask[16]; /* value & ~mask is 0 */
};
/* Boxes, by number, ascending. */
struct list {
    uint32_t *box, count;
};
/* What may still be spent below. */
struct allowance {
    uint64_t bytes;
    unsigned forks, depth; /* on a path; depth in words, this one included */
};
/* Of all ways below a word the worst, each for itself. */
struct worst {
    uint32_t words, compared, forks, chain, lines;
    uint32_t least; /* the lowest entry below; PBC_LANE_NONE: none */
};

/* Memory that is given back in the order opposite to taking. */
struct chunk;
struct stack {
    struct chunk *top;
};
struct stack_mark {
    struct chunk *chunk;
    size_t used;
};

/* Arrays that only grow, and the table that finds equal members. */
struct index {
    struct place {
        uint32_t hash, member; /* 1 + the member's number, 0: free */
    } * place;
    uint32_t cap, count;
};
struct table {
    uint32_t first, count; /* into build.words */
    struct worst worst;
};
struct leaf {
    uint32_t block, lanes;
    uint32_t units; /* of 256 bytes, in all */
    uint16_t format;
    uint32_t chain;
    uint32_t least; /* the first entry */
};

struct build {
    const struct boxes *b;
    const bool *coded;
    kind_possible_fn *possible;
    bool parted;         /* build the parts that open addresses make, not the whole */
    unsigned forks_most; /* on a path */
    uint64_t reserve;    /* bytes kept for what resists, beside those that are shared out */
    uint8_t column[16];  /* of a slot, NO_COLUMN */
    struct stack stack;
    uint64_t held, peak;     /* bytes taken, now and at most */
    bool failed;             /* memory was out */
    struct scratch *scratch; /* score.c */

    /* The image as it comes to be: a table after all those it leads to; the base of a cut or fork is the table's
     * number, of a leaf the leaf's. */
    uint64_t *words;
    struct table *tables;
    struct leaf *leaves;
    struct pbc_block *blocks;
    struct pbc_format *formats;
    uint32_t word_count, word_cap, table_count, table_cap, leaf_count, leaf_cap, block_count, block_cap, format_count,
        format_cap;
    struct index table_index, leaf_index;
    uint64_t work;    /* boxes looked at */
    uint32_t longest; /* 1 + the number of the leaf of most lanes */
    bool last_resort;
    bool unsayable;      /* a leaf that no format holds, and no room to cut it */
    uint32_t lines_most; /* on the worst way: an image of more is not wanted; 0: any */
    bool beaten;         /* it would have more: building has stopped, as with `failed` */
};

/* open.c: a list in parts, by the addresses that boxes leave open; ascending by their first boxes, which have their
 * lowest entries. */
enum { PARTS_MOST = 4 };
struct parts {
    struct list part[PARTS_MOST];
    unsigned count;
};
/* False: too few boxes leave the source open or the destination, or memory is out. The lists lie on b->stack. */
bool parts_find(struct build *b, struct parts *parts);
/* The whole list as its only part. */
void parts_whole(struct build *b, struct parts *parts);

/* memory.c. All of it is counted; NULL sets build.failed. */
void *mem_grow(struct build *b, void *array, uint32_t count, uint32_t *cap, size_t size, uint32_t more);
void *mem_take(struct build *b, size_t bytes);
void mem_give(struct build *b, void *p, size_t bytes);
struct stack_mark stack_mark(const struct build *b);
void *stack_get(struct build *b, size_t bytes);
void stack_release(struct build *b, struct stack_mark mark);

/* part.c */
void part_ports(const struct part *p, struct port_range *sport, struct port_range *dport);
/* What of the box's question the part leaves open. */
static inline uint32_t open_mask(const struct build *b, const struct part *p, uint32_t box, unsigned column)
{
    return b->b->mask[column][box] & ~p->mask[b->b->slot[column]];
}
/* Drops what no key of the part finds. Returns how many boxes are left. */
uint32_t part_prune(struct build *b, struct list l, const struct part *p);

/* window.c: a window of the key's bits, within one slot or one port. */
struct window {
    uint8_t slot, shift, width; /* shift within the slot; width 1..16 */
};
/* The children of a window that a box reaches: `count` of them. */
struct span {
    uint32_t first, count;
    uint32_t free; /* bits that the box leaves open; ranges: 0 */
    uint32_t wrap; /* children - 1 */
    bool range;
};
struct span window_span(const struct build *b, const struct part *p, uint32_t box, struct window w);
/* Child number i of a span; `last` is the one before (any for i = 0). */
static inline uint32_t span_child(const struct span *s, uint32_t i, uint32_t last)
{
    if (s->range) return (s->first + i) & s->wrap;
    return i ? s->first | (((last & s->free) - s->free) & s->free) : s->first;
}
/* Does the box hold for all keys of the child, as far as the window's field goes, or for the same of them in every
 * child it reaches? Then children with the same boxes are the same. */
bool window_alike(const struct build *b, const struct part *p, uint32_t box, struct window w, uint32_t child);
struct part window_child(const struct part *p, struct window w, uint32_t child);
static inline uint64_t window_word(struct window w, uint32_t table)
{
    return TREE_CUT_WORD(table, w.slot / 2u, (w.slot & 1u) * 32u + w.shift, w.width);
}

/* score.c */
enum way { WAY_LEAF, WAY_CUT, WAY_FORK };
struct plan {
    enum way way;
    struct window window;
    uint32_t most; /* FORK: boxes that reach more children than that stand apart */
};
/* The ways to go on from here, best first; at most `most`. */
unsigned plans_find(struct build *b, struct list l, const struct part *p, struct allowance a, struct plan plans[],
                    unsigned most);

/* leaf.c */
enum { LEAF_FEW = 8, LEAF_BOXES = 16, LEAF_LONG = 32, LEAF_RESISTS = 64 };
/* Units that a leaf of so many boxes takes in the part at most, and its bytes. 0: no format holds what they ask. */
uint64_t leaf_bytes(const struct build *b, const struct part *p, struct list l);
uint64_t leaf_word(struct build *b, const struct part *p, struct list l);

/* node.c */
uint64_t node_word(struct build *b, struct list l, const struct part *p, struct allowance a);

/* cut.c, fork.c: false when it does not fit the allowance; nothing is then changed. */
bool cut_word(struct build *b, struct list l, const struct part *p, struct window w, struct allowance a,
              uint64_t *word);
bool fork_word(struct build *b, struct list l, const struct part *p, struct plan plan, struct allowance a,
               uint64_t *word);

/* tables.c: equal tables are one. */
uint32_t table_add(struct build *b, const uint64_t words[], uint32_t count);
struct worst word_worst(const struct build *b, uint64_t word);
struct worst worst_any(struct worst a, struct worst b);
static inline uint32_t unit_lines(uint32_t units) { return units * (uint32_t)(sizeof(struct pbc_block) / 64); }
/* Some way below a word reads so many lines, so the way from the root reads more. */
static inline void bound_lines(struct build *b, uint32_t lines)
{
    if (b->lines_most && lines >= b->lines_most) b->beaten = b->failed = true;
}
static inline uint64_t build_bytes(const struct build *b)
{
    return b->word_count * sizeof(uint64_t) + b->block_count * sizeof(struct pbc_block) +
           b->format_count * sizeof(struct pbc_format);
}
uint32_t hash_bytes(const void *bytes, size_t len);
/* The place of the member with that hash for which `equal` holds, or a free one where it belongs; NULL: memory is out.
 */
typedef bool equal_fn(const struct build *b, uint32_t member, const void *what);
struct place *index_find(struct build *b, struct index *x, uint32_t hash, equal_fn *equal, const void *what);
void index_put(struct index *x, struct place *at, uint32_t hash, uint32_t member);

/* layout.c: parents before children. */
bool layout(struct build *b, uint64_t root, struct built *out);

/* expect.c: blocks that a packet drawn from the boxes costs, on the finished image. */
double expected_blocks(const struct boxes *b, kind_possible_fn *possible, const struct built *image);
