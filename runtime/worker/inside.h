/* A worker's end of the stack aside, in which inline connections end (vm/flow/made.h): a TUN device, which carries
 * super-packets and partial checksums both ways. */
#pragma once

#include <stdint.h>

#include "vm/packet/pkt.h"

struct worker;

enum { INSIDE_BATCH = 16 }; /* packets read at once: a megabyte of super-packets */

struct inside_end {
    int fd;          /* the device; -1: there is none */
    uint8_t *memory; /* of the packets read */
    struct pkt pkts[INSIDE_BATCH];
};

void inside_end_fini(struct inside_end *e);

/* Send what the stack aside has to send. Return the number of packets. */
unsigned inside_take(struct worker *w, uint64_t now_ns);
/* Give the stack aside a parsed packet. */
void inside_give(struct worker *w, const struct pkt *pkt);
