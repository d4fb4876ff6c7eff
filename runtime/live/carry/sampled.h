/* Events of the kernel about packets that it judged (vm/kernel/events.h). */
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
    const struct labels *labels; /* NULL: its program is gone */
    uint64_t now_ns, at_ns;      /* as its rules saw it; and when its verdict was known */
    uint8_t asked;               /* as on a tape (runtime/exchange/tape.h) */
    const struct kernel_event_sample *said;
    uint32_t world; /* the snapshot in which it was judged, the lower half of its number */
};
