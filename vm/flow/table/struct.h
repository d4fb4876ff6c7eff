/* What a flow table is beside its lines (table.h). For its own files, and for those who bring lines of their own. */
#pragma once

#include "vm/flow/bind.h"
#include "vm/flow/table/table.h"
#include "vm/keyed/hash.h"
#include "vm/keyed/tags.h"
#include "vm/packet/edit/recipe.h"

enum { BLOCK = 4 /* rows */ };

/* Blocks that no slots have. */
struct blocks_left {
    uint32_t fresh; /* the first block that was never used; nor was any behind it */
    uint32_t given; /* the last one given back; `low` of its first line says which was before it. 0: there is none */
};

struct flow_table {
    uint16_t *tags; /* [groups][GROUP] */
    /* Where the lines of a slot lie is its row: row i's lie `stride` bytes behind those of row i - 1. Where flows are
     * sent on all four lie together, else each kind by itself. A worker's own table hands rows out by blocks, one
     * behind the other, so that its memory is as much as flows were at once (README.md). NULL: slot i has row i. */
    uint32_t *blocks; /* of each BLOCK slots; 0: all are free, and their row one of zeros that nobody writes */
    struct blocks_left left;
    struct flow *slots;
    struct flow_cold *cold;
    struct flow_bind *binds; /* NULL: no flow is bound */
    struct recipe *recipes;  /* likewise; of the slot's own tuple: a twin has one, too */
    size_t stride;
    uint32_t groups;
    uint32_t sweep_group; /* the next that the sweep looks at */
    uint32_t hand;        /* the next slot that is asked whether a half-open flow lies there */
    uint64_t live;        /* flows of all classes */
    uint64_t twins[FLOW_CLASSES];
    uint64_t half_open_most;
    /* Where half-open flows are: a bit a group, and a bit for every 64 groups, so that the hand finds the next one in
     * bounded steps however few there are. */
    uint64_t *half_open, *half_open_words;
    uint64_t timeout_ns[FLOW_STATES];
    bool begins;        /* as in cfg */
    uint32_t published; /* the recipe that was written last (shared.h) */
    struct hash_key key;
    const struct flow_ops *ops; /* others change it, too (ops.h); NULL: it is a worker's own */
    flow_ended_fn *ended;
    void *arg;
    flow_grows_fn *grows;
    void *grows_arg;
    struct flow_counters counters;
    size_t ahead;                  /* bytes of `memory` that are taken, by who calls flow_table_ahead alone */
    void *memory;                  /* what the rows lie in */
    size_t rows_bytes, tags_bytes; /* of that, and of what begins with the tags */
};
