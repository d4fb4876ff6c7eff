/* What all share of the flow table beside its lines: one, in a map that processes write. */
#pragma once

#include "vm/flow/grain.h"
#include "vm/flow/table/struct.h"

enum { FLOW_STRIPES = 1024 };

struct flow_head {
    /* Bounds, timeouts, hash key, counters, and where sweep and hand are. The pointers are those of the process that
     * uses the table; the kernel reads none of them. */
    struct flow_table table;
    uint64_t pickup_until_ns;      /* before it mid-stream TCP counts as new */
    uint32_t tells;                /* ends of flows are told (events.h) */
    struct grains grains;          /* by what networks flows are counted; none: nobody asks how many a source holds */
    uint64_t untold;               /* ends that found no room in the ring */
    uint64_t given_up;             /* changes that were not made: another processor held the flow */
    uint64_t adding[FLOW_STRIPES]; /* 1: a flow with such a hash is being added, so that no tuple gets two */
};
