/* --explain for a packet that the caller has judged. */
#pragma once

#include <stdio.h>

#include "runtime/base/options/run_options.h"
#include "runtime/report/text.h"
#include "vm/vm.h"

struct explain_packet {
    const struct options *o; /* only `json` is used */
    uint64_t frame;          /* number of the frame; 0: none */
    const char *unnamed;     /* name of the arrival interface if the rules do not name it; else NULL */
    struct program *program;
    const struct labels *labels;
    struct pool *pool; /* pool for the packet inside */
    struct vm *before; /* worker's state after the packets before */
    const struct vm_in *in;
    const struct pkt *pkt; /* the packet as it arrived */
    uint64_t time_ns;      /* wall-clock time of the packet; 0: none */
    const struct verdict *verdict;
    const char *heard;           /* findings of its service on the client's bytes; NULL: not asked for */
    const char *lost;            /* reason why no packet leaves, although the verdict is `forward`; NULL: not lost */
    const struct tx_entry *left; /* [left_count] packets that left when it was judged */
    unsigned left_count;
};
/* Write every rule tried on the packet, and the packet's fate. */
void explain_packet_to(FILE *out, const struct explain_packet *e);
