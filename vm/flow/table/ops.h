/* A flow table that the kernel's stages change, too. Each change by a process is one operation of a kernel program
 * under the flow's lock, so that a process that dies leaves no change half done. The process reads the lines in
 * place.
 *
 * Only the process begins and ends flows that are sent on, and writes their bindings and recipes. All other flows end
 * in the kernel, also when the process asks for it. */
#pragma once

#include "vm/flow/table/flow_table.h"

/* The upper sixteen bits of a taken word: the lock, and a count of changes. A worker's own table has `epoch` there. */
#define TAKEN_LOCK    (UINT64_C(1) << 63)
#define TAKEN_CHANGE  (UINT64_C(1) << 48)
#define TAKEN_CHANGES (TAKEN_LOCK - TAKEN_CHANGE)

enum flow_op_kind {
    /* Add a flow with tuple, state, flags, would, tcp and idle_ns. A plain flow with the same tuple ends. If `pairs` is
     * set, add `twin` as its twin, too, if there is room. */
    FLOW_OP_ADD,
    FLOW_OP_TWIN, /* Add `twin` to the flow with slot and taken */
    FLOW_OP_SET,  /* Set tcp, seen_ns, state and would of the flow with slot and taken, and add flags */
    /* End the flow with slot and taken by `how`, even if it has changed since, as long as it is the same flow. `over`:
     * only if it has expired. */
    FLOW_OP_END,
    /* End expired flows from slot to until, at most as many as fit into `swept`, and list them there. `count` becomes
     * their number. The sweep stops at a flow that only the process may end. */
    FLOW_OP_SWEEP,
};

enum flow_op_said {
    FLOW_OP_DONE,
    FLOW_OP_BUSY, /* the taken word has changed, the flow has not expired, or another processor holds it */
    FLOW_OP_ROOM, /* both groups are full: another flow must make way first */
    FLOW_OP_HELD, /* the flow with that tuple stays: it is sent on, or its end could not be reported */
};

/* A flow that has ended, with copies of its last lines */
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
    int32_t slot;  /* slot of the flow in question, or of the added flow */
    uint8_t state, flags, how;
    uint8_t would, astray; /* ADD, SET: as in struct flow */
    uint8_t over;          /* END: 1: only if the flow has expired */
    uint8_t pairs;         /* ADD: 1: add the flow with its twin */
    uint32_t until, count; /* SWEEP: end of the slots, and number of flows that have ended */
    uint64_t taken;        /* the taken word as it was read */
    uint64_t now_ns, seen_ns, idle_ns;
    struct flow_tuple tuple, twin;
    struct tcp_track tcp;
    struct flow_gone gone; /* END: the flow that has ended */
};

enum { FLOW_SWEPT = 64 };

/* The table's memory, and the operations of a process on it */
struct flow_ops {
    bool (*run)(void *arg, struct flow_op *op); /* false: the kernel did not run the operation, and nothing changed */
    void *arg;
    struct flow_table *table;  /* this process's own table: pointers, and members that never change */
    struct flow_table *common; /* the shared part beside the lines; its pointers are never read */
    /* Count one more flow for its opener, before any stage uses the table. False: there is no room. */
    bool (*count)(void *arg, const uint32_t opener[4], bool v6);
    uint64_t *pickup_until_ns; /* time until which mid-stream TCP counts as new */
    uint32_t *tells; /* 1: every end is reported by struct flow_gone; 0: only those that user space must know */
    uint16_t *tags;
    struct flow *slots;
    struct flow_cold *cold;
    struct flow_bind *binds; /* NULL: no flow is bound */
    struct recipe *recipes;  /* NULL: no flow is bound */
    uint64_t *half_open;     /* both levels of the bitmap, one after the other */
    struct flow_gone *swept; /* results of a sweep: [FLOW_SWEPT] */
};

/* Make an empty table over zeroed memory, with that many slots; cfg: how flows begin in it, and their timeouts. */
void flow_table_begin(struct flow_table *t, const struct flow_table_cfg *cfg, uint32_t slots);
