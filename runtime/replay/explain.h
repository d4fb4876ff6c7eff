/* --explain of a packet that somebody else goes through. */
#ifndef RUNTIME_REPLAY_EXPLAIN_H
#define RUNTIME_REPLAY_EXPLAIN_H

#include "runtime/options.h"
#include "runtime/replay/text.h"
#include "vm/vm.h"

struct explain_packet {
    const struct options *o; /* --explain N: what the packet is called */
    struct program *program;
    const struct labels *labels;
    struct pool *pool; /* for what is inside it */
    struct vm *before; /* as the packets before it left it */
    const struct vm_in *in;
    const struct pkt *pkt; /* as it came */
    uint64_t time_ns;      /* on the wall */
    const struct verdict *verdict;
    const struct pkt *left; /* [left_count] what left when it was judged */
    unsigned left_count;
};
/* Print, on standard output, every rule that was tried on it and what became of it. Returns the exit status. */
int explain_packet(const struct explain_packet *e);

#endif
