/* Choice of the leg for the rules, if this machine's stack sends a packet by one of several interfaces, and it is
 * unknown which one: the first leg by which the rules refuse the packet, else the first. Both executors share this
 * code. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/judge/why.h"

/* Findings so far. */
struct legs_tried {
    uint16_t out;    /* the chosen leg, as pkt.way */
    uint8_t any;     /* 1: some leg was tried */
    uint8_t refused; /* 1: rules refuse the packet by `out` */
    uint8_t open;    /* 1: the rules' verdicts on the legs differ, or some leg's interface is unknown */
};

/* Note the rules' verdict on a leg. out: as pkt.way; 0: its interface is unknown, and no `out on` holds. */
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
