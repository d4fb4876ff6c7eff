/* Differences from netfilter that are meant, each with its reason. */
#ifndef TESTS_DIFF_ROUTERS_KNOWN_H
#define TESTS_DIFF_ROUTERS_KNOWN_H

#include "tests/diff/routers/talk.h"

struct difference {
    const struct world *world;
    const struct talk *talk;
    enum step_kind step;
    enum side_kind side;
    const char *field;                     /* of canon_differs */
    const struct frame *sent, *sent_there; /* here, and where netfilter is */
    const struct frame *netfilter, *prey;  /* frames that left */
    unsigned sent_count, netfilter_count, prey_count;
    bool late; /* frames that left are alike, except late errors */
};

struct known {
    const char *name, *reason;
    bool (*is)(const struct difference *d);
    bool parts; /* later packets of the conversation belong to another flow on each side, and aren't compared */
};
extern const struct known known_differences[]; /* ends with a name NULL */

/* Put the errors of prey's router about fragments of datagrams before, which the host's stack got back, behind the
 * other frames. Returns how many the others are. */
unsigned known_put_late_last(const struct difference *d, struct frame *prey, unsigned count);
/* The row that knows it, or -1. */
int known_find(const struct difference *d);

#endif
