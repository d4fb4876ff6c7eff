/* The form in which frames of two sides are compared. Ports and identifiers that a side chose freely are numbered by
 * their first appearance in the conversation, checksums are checked and removed, and fragments are joined. */
#ifndef TESTS_DIFF_ROUTERS_CANON_H
#define TESTS_DIFF_ROUTERS_CANON_H

#include "tests/diff/routers/talk.h"

struct canon {
    uint8_t iface;
    bool sums_right; /* true if all checkable sums are right */
    bool keeps_id;   /* IPv4's identification is unchanged */
    uint16_t len;
    uint8_t bytes[FRAME_MOST];
};

/* Write the form of each frame, in a sorted order; returns their number. `names` has the numbers of earlier frames,
 * and grows. `sent`: the frame, or first fragment, that caused these frames. */
unsigned canon_make(const struct talk *t, struct names *names, const struct frame *sent, const struct frame *frames,
                    unsigned count, struct canon *out);
/* Return the first field in which they differ, in words, or NULL. */
const char *canon_differs(const struct canon *a, unsigned a_count, const struct canon *b, unsigned b_count);

#endif
