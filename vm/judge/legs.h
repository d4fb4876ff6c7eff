/* Choice of the leg that rules are asked about, where this machine's stack sends a packet by one of several
 * interfaces, and which one is unknown: the first by which they refuse it, else the first. One text for both
 * executors. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/judge/why.h"

/* Findings so far. */
struct legs_tried {
    uint16_t out;    /* as pkt.way: the leg that counts */
    uint8_t any;     /* 1: some leg was tried */
    uint8_t refused; /* 1: rules refuse the packet by `out` */
    uint8_t open;    /* 1: their verdicts on the legs differ, or some leg's interface is unknown */
};

/* Note what rules give for a leg. out: as pkt.way; 0: its interface is unknown, and no `out on` holds. */
static inline void legs_take(struct legs_tried *t, uint16_t out, bool lets_in)
{
    const bool turns = t->any && t->refused == lets_in;
    t->open |= turns || !out;
    if (!t->any || (turns && !lets_in)) {
        t->out = out;
        t->refused = !lets_in;
    }
    t->any = 1;
}

/* Return why the way is unknown; WAY_KNOWN: rules decide each leg alike. */
static inline enum way_why legs_why(const struct legs_tried *t) { return t->open ? WAY_SEVERAL : WAY_KNOWN; }
