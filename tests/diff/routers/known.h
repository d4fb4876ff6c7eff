/* Intended differences from netfilter, each with its reason. */
#ifndef TESTS_DIFF_ROUTERS_KNOWN_H
#define TESTS_DIFF_ROUTERS_KNOWN_H

#include "tests/diff/routers/talk.h"

struct difference {
    const struct world *world;
    const struct talk *talk;
    enum step_kind step;
    enum side_kind side;
    const char *field;                     /* as canon_differs names it */
    const struct frame *sent, *sent_there; /* the frame in prey's router, and in netfilter's */
    const struct frame *netfilter, *prey;  /* frames that left */
    unsigned sent_count, netfilter_count, prey_count;
    bool late; /* the frames that left are alike, except late errors */
};

struct known {
    const char *name, *reason;
    bool (*is)(const struct difference *d);
    bool parts; /* later packets of the conversation belong to different flows on the two sides, and aren't compared */
};
extern const struct known known_differences[]; /* ends with a NULL name */

/* Move prey's errors about fragments of earlier datagrams, which the host's stack got back, behind the other frames.
 * Returns the number of the others. */
unsigned known_put_late_last(const struct difference *d, struct frame *prey, unsigned count);
/* Return the index of the row that explains the difference, or -1. */
int known_find(const struct difference *d);

#endif
