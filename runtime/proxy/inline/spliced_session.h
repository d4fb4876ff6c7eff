/* Inline connections that have left their sockets, or may (leave_sockets.h): what a session knows of its own, and what
 * the worker has counted of it. */
#pragma once

#include "runtime/proxy/core.h"

enum leave_state { LEAVE_DRAINS, LEAVE_ASKED, LEAVE_READS, LEAVE_RESTS, LEAVE_SPLICED };

struct leave {
    struct timer timer;
    struct session *session;
    uint64_t until_ns; /* DRAINS, READS: then it stays; RESTS: then it is tried again; ASKED: as in READS; 0: not yet */
    uint64_t since_ns; /* when it left; before, when it was connected */
    uint64_t read[2];  /* ASKED, READS: bytes read from both sockets when it was asked */
    uint64_t carried[2]; /* bytes that were carried and are in the session's and the service's counters */
    uint8_t state;       /* enum leave_state */
    uint8_t tries;       /* times that it stayed */
    uint8_t why;         /* enum splice_why, of the answer */
    uint8_t answer;      /* 1 + enum inline_told_kind: came, and waits for the session's task; 0: none */
    bool unsaid;         /* ASKED: the ring had no room yet */
    bool half;           /* SPLICED: one end is through, the other may go on */
    bool over;           /* the worker knows of its end */
};

/* True if the session has left its sockets */
static inline bool session_is_spliced(const struct session *s)
{
    return s->inlined && s->inlined->leave && s->inlined->leave->state == LEAVE_SPLICED;
}
/* Return what the connection of such a session has carried since it left, not counted yet, by enum inline_at of the
 * sender, and the last time at which something was carried */
struct spliced_seen {
    uint64_t bytes[2], seen_ns;
};
struct spliced_seen spliced_seen(const struct session *s);
/* Add what was carried since the last call to the counters of the session and of the service */
void spliced_count(struct session *s);
