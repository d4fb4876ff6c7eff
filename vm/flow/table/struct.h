/* The flow table apart from its lines (flow_table.h). For its own files, and for code that has its own lines. */
#pragma once

#include "vm/flow/bind.h"
#include "vm/flow/table/flow_table.h"
#include "vm/keyed/hash.h"
#include "vm/keyed/tags.h"
#include "vm/packet/edit/recipe.h"

enum { BLOCK = 4 /* rows of a block */ };

/* Unused blocks */
struct blocks_left {
    uint32_t fresh; /* the first block that was never used; all behind it are unused, too */
    uint32_t given; /* the last block given back; `low` of its first line names the block given back before. 0: none */
};

struct flow_table {
    uint16_t *tags; /* tag of each slot: [groups][GROUP] */
    /* The row of a slot is the place of its lines: `stride` bytes from row to row. With bindings all four lines are
     * adjacent, otherwise each kind has its own array. A worker's own table hands out rows by consecutive blocks, so
     * it takes memory for its peak of flows (README.md). NULL: slot i has row i. */
    uint32_t *blocks; /* block of each BLOCK slots; 0: all are free, with a row of zeros that is never written */
    struct blocks_left left;
    struct flow *slots;
    struct flow_cold *cold;
    struct flow_bind *binds; /* NULL: no flow is bound */
    struct recipe *recipes;  /* one per slot, so a twin has its own recipe; NULL: no flows are bound */
    size_t stride;
    uint32_t groups;
    uint32_t near;     /* number of near groups, which are the last of the table: a power of two or 0 (lookup.h) */
    uint64_t *touched; /* one bit per group: changed since it was written in advance (advance.h); NULL: not recorded */
    uint32_t sweep_group; /* next group of the sweep */
    uint32_t hand;        /* next slot where the search for half-open flows goes on */
    uint64_t live;        /* number of live flows, of all classes */
    uint64_t twins[FLOW_CLASSES];
    uint64_t half_open_most;
    /* Bitmap of groups with half-open flows, and a bitmap of its words, so that the hand finds the next group in
     * bounded steps, however few there are */
    uint64_t *half_open, *half_open_words;
    uint64_t timeout_ns[FLOW_STATES];
    bool begins;        /* begin times are recorded, as in cfg */
    uint32_t published; /* number of the recipe written last (shared.h) */
    struct hash_key key;
    const struct flow_ops *ops; /* set in a table shared with the kernel (ops.h); NULL: a worker's own table */
    flow_ended_fn *ended;
    void *arg;
    flow_grows_fn *grows;
    void *grows_arg;
    struct flow_counters counters;
    uint64_t *doubted; /* one bit per group that was read in advance and is not yet found to agree; NULL: none */
    size_t ahead;      /* bytes of `memory` that are present; used by the caller of flow_table_ahead only */
    void *memory;      /* block with all rows */
    size_t rows_bytes, tags_bytes; /* sizes of that block, and of the one that begins with the tags */
};
