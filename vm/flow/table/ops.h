/* A flow table that others change, too (the kernel's stages): what a process does to it is one operation each, made by
 * a program in the kernel under the flow's lock, so that a process that dies leaves none. It reads the lines where they
 * lie.
 *
 * Flows that are sent on are begun and ended by the process alone, and it alone writes their binding and recipes. All
 * others end in the kernel, also where the process asks for it. */
#pragma once

#include "vm/flow/table/table.h"

/* The upper sixteen bits of a claim word, which a worker's own table has for `epoch`: the lock, and a count of changes.
 */
#define CLAIM_LOCK    (UINT64_C(1) << 63)
#define CLAIM_CHANGE  (UINT64_C(1) << 48)
#define CLAIM_CHANGES (CLAIM_LOCK - CLAIM_CHANGE)

enum flow_op_kind {
    FLOW_OP_ADD,  /* tuple, state, flags, tcp, idle_ns: a flow; a plain one that has the tuple ends */
    FLOW_OP_TWIN, /* slot, claim, tuple: a twin of it */
    FLOW_OP_SET,  /* slot, claim, tcp, seen_ns, state, flags: it becomes so; flags are added */
    /* slot, claim, how, over: it ends; also where it has been changed since, as long as it is the same flow. */
    FLOW_OP_END,
    /* slot, until: those between whose time is over end, and stand in `swept`; `count` of them, no more than there is
     * room for. It goes no further than to one that is the process's to end. */
    FLOW_OP_SWEEP,
};

enum flow_op_said {
    FLOW_OP_DONE,
    FLOW_OP_BUSY, /* its claim word is not `claim` any more, its time is not over, or another processor holds it */
    FLOW_OP_ROOM, /* both groups are full: somebody has to make way first */
    FLOW_OP_HELD, /* who has the tuple does not end for this: it is sent on, or nobody could be told */
};

/* A flow that has ended: its lines as they were. */
struct flow_gone {
    int32_t slot;
    uint32_t how; /* enum flow_end */
    uint64_t now_ns;
    struct flow flow;
    struct flow_cold cold;
};

struct flow_op {
    uint32_t kind; /* enum flow_op_kind */
    uint32_t said; /* enum flow_op_said */
    int32_t slot;  /* asked, or of what was added */
    uint8_t state, flags, how;
    uint8_t over;          /* END: 1: only while its time is over */
    uint32_t until, count; /* SWEEP */
    uint64_t claim;        /* as it was read */
    uint64_t now_ns, seen_ns, idle_ns;
    struct flow_tuple tuple;
    struct tcp_track tcp;
    struct flow_gone gone; /* END */
};

enum { FLOW_SWEPT = 64 };

/* The table's memory, and how a process changes it. */
struct flow_ops {
    bool (*run)(void *arg, struct flow_op *op); /* false, and nothing happened: the kernel did not run it */
    void *arg;
    struct flow_table *table;  /* what is beside the lines */
    uint64_t *pickup_until_ns; /* before it mid-stream TCP counts as new */
    uint32_t *tells;           /* 1: all ends are told by struct flow_gone, 0: those that user space has to know of */
    uint16_t *tags;
    struct flow *slots;
    struct flow_cold *cold;
    struct flow_bind *binds; /* NULL: no flow is bound */
    struct recipe *recipes;  /* likewise */
    uint64_t *half_open;     /* both levels, one behind the other */
    struct flow_gone *swept; /* [FLOW_SWEPT] */
};

/* An empty table over memory that is all zero: how flows begin in it, and for how long. */
void flow_table_begin(struct flow_table *t, const struct flow_table_cfg *cfg);
