/* Servers that have not answered yet: when to ask again, and when to give up. Fixed memory, no search: all that wait
 * for their first, second or third time wait equally long, so each time has a ring in the order of time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/keyed/archive.h"

/* After 1 s, 2 s and 4 s more, as a host would (RFC 6298); after the third nobody is asked any more. */
enum { WAIT_TIMES = 3, WAIT_MOST = 4096 /* at once, a time: where there are more, clients' own probes must do */ };

struct wait {
    int32_t slot;    /* of the flow */
    uint32_t cookie; /* and how often its flow has gone to another server: by which it is known to be the same */
    uint64_t due_ns;
};
struct waits {
    struct wait rings[WAIT_TIMES][WAIT_MOST];
    uint32_t first[WAIT_TIMES], count[WAIT_TIMES];
};

/* The length of the first wait. */
uint64_t waits_first_ns(void);
/* time: from 0 on. False: there is no room. */
bool waits_add(struct waits *w, unsigned time, int32_t slot, uint32_t cookie, uint64_t now_ns);
/* The next that is due, now taken out; false: none is. */
bool waits_take(struct waits *w, uint64_t now_ns, unsigned *time, struct wait *out);
/* All of them (keyed/archive.h), into what is new, of flows in so many slots. */
bool waits_archive(struct waits *w, struct archive *a, uint32_t slots);
/* Time of the next one that is due; UINT64_MAX: nobody waits. */
uint64_t waits_next(const struct waits *w);
