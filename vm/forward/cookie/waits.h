/* Times to ask servers again that have not replied yet, and to give up. Fixed memory, no search: all waits of the
 * same round are equally long, so each round has a ring in order of time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/keyed/archive.h"

/* Ask again after 1 s, then 2 s and 4 s, as a host would (RFC 6298); after the third give up. */
enum { WAIT_TIMES = 3, WAIT_MOST = 4096 /* per round; further clients rely on their own probes */ };

#define WAIT_FIRST_NS UINT64_C(1000000000)

struct wait {
    int32_t slot;    /* slot of the flow */
    uint32_t cookie; /* cookie plus number of servers tried; identifies the flow */
    uint64_t due_ns;
};
struct waits {
    struct wait rings[WAIT_TIMES][WAIT_MOST];
    uint32_t first[WAIT_TIMES], count[WAIT_TIMES];
};

/* Add a wait. time: its round, from 0 on. False: no room. */
bool waits_add(struct waits *w, unsigned time, int32_t slot, uint32_t cookie, uint64_t now_ns);
/* Add a wait from other rings, in the place of its due time; without room it is dropped. */
void waits_put(struct waits *w, unsigned time, const struct wait *one);
/* Take out the next wait that is due; false: none. */
bool waits_take(struct waits *w, uint64_t now_ns, unsigned *time, struct wait *out);
/* Write all waits, or read them into new rings (keyed/archive.h). slots: number of flow slots. */
bool waits_archive(struct waits *w, struct archive *a, uint32_t slots);
/* Return the time when the next wait is due; UINT64_MAX: none. */
uint64_t waits_next(const struct waits *w);
