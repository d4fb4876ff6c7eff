/* Packets of observed connections that are held back: a client's first bytes wait until it is known whether the
 * connection may go on (`-> reject` in `mode observe`), and so do the packets behind them. Packets are in slots of
 * the worker's pool, in the order in which they came. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/cfg.h"

struct archive;
struct pkt;
struct pool;

enum held_fate {
    HELD_WAITS,  /* the packet's connection is undecided */
    HELD_GOES,   /* the packet goes on, and is judged */
    HELD_RESETS, /* the packet is dropped, and both ends are reset */
    HELD_DROPPED /* the packet is dropped: both ends have been reset */
};

/* A reset of both ends, made from a packet of one end. */
struct both_reset {
    uint32_t sender, other; /* the number that each expects next */
};

struct waiting {
    struct pkt *pkt;
    struct both_reset reset; /* numbers for HELD_RESETS */
    uint32_t conn, next;     /* place of its connection; next in the list, HELD_NONE */
    uint8_t fate;            /* enum held_fate */
    uint8_t ours;            /* 1: a RST that was made here, of HELD_GOES */
};
#define HELD_NONE UINT32_MAX

struct waiting_list {
    struct waiting at[HOLDING_MOST];
    uint32_t first, last, spare, count, ready; /* ready: number of packets that no longer wait */
};

void waiting_init(struct waiting_list *list);
/* Put all packets back into their pool. */
void waiting_fini(struct waiting_list *list);
/* Add a packet behind all others. False: there is no room. */
bool waiting_add(struct waiting_list *list, const struct waiting *h);
/* Take the first packet that no longer waits. False: none. */
bool waiting_take(struct waiting_list *list, struct waiting *h);
