/* --explain of a packet that somebody else goes through. */
#pragma once

#include <stdio.h>

#include "runtime/base/options.h"
#include "runtime/report/text.h"
#include "vm/vm.h"

struct explain_packet {
    const struct options *o; /* json */
    uint64_t frame;          /* its number; 0: it has none */
    const char *unnamed;     /* the interface that it came in on, where the rules do not name that; NULL */
    struct program *program;
    const struct labels *labels;
    struct pool *pool; /* for what is inside it */
    struct vm *before; /* as the packets before it left it */
    const struct vm_in *in;
    const struct pkt *pkt; /* as it came */
    uint64_t time_ns;      /* on the wall; 0: at no time */
    const struct verdict *verdict;
    const char *heard;           /* what its service makes of what the client says; NULL: nobody asks */
    const struct tx_entry *left; /* [left_count] what left when it was judged */
    unsigned left_count;
};
/* Print every rule that was tried on it and what became of it. */
void explain_packet_to(FILE *out, const struct explain_packet *e);
/* The same on standard output. Returns the exit status. */
int explain_packet(const struct explain_packet *e);
