/* A packet that the kernel judged, as its event reports it (vm/kernel/events.h). */
#pragma once

#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/verdict.h"

struct kernel_event_sample;
struct labels;

struct sampled {
    const struct pkt *pkt; /* its cookie is the port */
    const struct key *key;
    const struct verdict *verdict;
    const struct labels *labels; /* NULL: the program is gone */
    uint64_t now_ns, at_ns;      /* time that its rules saw; time of its verdict */
    uint8_t asked;               /* as on a tape (runtime/exchange/tape.h) */
    const struct kernel_event_sample *said;
    uint32_t world; /* lower half of the number of the snapshot in which it was judged */
};
