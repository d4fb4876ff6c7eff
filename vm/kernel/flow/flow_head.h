/* The head of the flow table: everything except its lines. There is one head, in a map that processes write. */
#pragma once

#include "vm/flow/grain.h"
#include "vm/flow/table/struct.h"

enum { FLOW_STRIPES = 1024 };

struct flow_head {
    /* Bounds, timeouts, hash key, counters, and positions of the sweep and of the hand. The pointers belong to the
     * process that uses the table; the kernel reads none of them. */
    struct flow_table table;
    uint64_t pickup_until_ns; /* time until which mid-stream TCP counts as new */
    uint32_t tells;           /* 1: the stages report the ends of flows (events.h) */
    struct grains grains;     /* networks by which flows are counted; none: no rule counts a source's flows */
    uint64_t untold;          /* ends not reported, because the ring had no room */
    uint64_t given_up;        /* changes not made, because another processor held the flow */
    uint64_t pings_ns;        /* time at which the pings' share of the way up is full again (act/up.bpf.h) */
    uint64_t
        adding[FLOW_STRIPES]; /* 1: a flow of this stripe of hashes is being added, so that no tuple gets two flows */
};
