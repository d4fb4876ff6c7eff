/* The form in which frames of two sides are compared: ports and identifiers that a side chose freely are numbered by
 * their first appearance in the conversation, checksums are looked at and taken out, and fragments are put together. */
#ifndef TESTS_DIFF_ROUTERS_CANON_H
#define TESTS_DIFF_ROUTERS_CANON_H

#include "tests/diff/routers/talk.h"

struct canon {
    uint8_t iface;
    bool sums_right; /* true if all checkable sums are right */
    bool keeps_id;   /* IPv4's identification is the one that was sent */
    uint16_t len;
    uint8_t bytes[FRAME_MOST];
};

/* Write the form of each frame, in an order of its own; returns their number. `names` has those of earlier frames,
 * and grows. `sent`: the frame, or the first fragment, that they are the answer to. */
unsigned canon_make(const struct talk *t, struct names *names, const struct frame *sent, const struct frame *frames,
                    unsigned count, struct canon *out);
/* The first field in which they differ, in words; NULL: none. */
const char *canon_differs(const struct canon *a, unsigned a_count, const struct canon *b, unsigned b_count);

#endif
