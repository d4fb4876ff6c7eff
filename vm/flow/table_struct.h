/* What a flow table is beside its lines (table.h). For its own files, and for those who bring lines of their own. */
#ifndef VM_FLOW_TABLE_STRUCT_H
#define VM_FLOW_TABLE_STRUCT_H

#include "vm/flow/bind.h"
#include "vm/flow/table.h"
#include "vm/keyed/hash.h"
#include "vm/packet/edit/recipe.h"

struct flow_table {
    uint16_t *tags; /* [groups][GROUP] */
    /* The lines of slot i lie `stride` bytes behind those of slot i - 1. Where flows are sent on all four lie together,
     * in one page, else each kind by itself. */
    struct flow *slots;
    struct flow_cold *cold;
    struct flow_bind *binds; /* NULL: no flow is bound */
    struct recipe *recipes;  /* likewise; of the slot's own tuple: a twin has one, too */
    int64_t stride;
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
    bool begins, prefault; /* as in cfg */
    uint32_t published;    /* the recipe that was written last (table_shared.h) */
    struct hash_key key;
    const struct flow_ops *ops; /* others change it, too (table_ops.h); NULL: it is a worker's own */
    flow_ended_fn *ended;
    void *arg;
    struct flow_counters counters;
    void *memory;      /* what the slots lie in */
    size_t tags_bytes; /* of what begins with the tags */
    uint64_t bytes;    /* of both */
};

#endif
