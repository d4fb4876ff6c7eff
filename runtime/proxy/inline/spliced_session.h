/* Inline connections that have left their sockets, or may (leave_sockets.h): a session's own state, and the worker's
 * counts for it. */
#pragma once

#include "runtime/proxy/core.h"

enum leave_state { LEAVE_DRAINS, LEAVE_ASKED, LEAVE_READS, LEAVE_RESTS, LEAVE_SPLICED };

struct leave {
    struct timer timer;
    struct session *session;
    uint64_t until_ns;   /* time at which it gives up leaving (DRAINS, READS), or tries again (RESTS); ASKED: as in
                          * READS; 0: not yet */
    uint64_t since_ns;   /* time at which it left or, before that, was connected */
    uint64_t read[2];    /* ASKED, READS: bytes read from both sockets at the request */
    uint64_t carried[2]; /* carried bytes already in the session's and the service's counters */
    uint8_t state;       /* enum leave_state */
    uint8_t tries;       /* number of times that it stayed */
    uint8_t why;         /* enum splice_why, of the worker's reply */
    uint8_t answer;      /* 1 + enum inline_told_kind: a message waiting for the session's task; 0: none */
    bool unsaid;         /* ASKED: the ring had no room yet */
    bool half;           /* SPLICED: one end has finished, the other may go on */
    bool over;           /* the worker knows of its end */
};

/* True if the session has left its sockets */
static inline bool session_is_spliced(const struct session *s)
{
    return s->inlined && s->inlined->leave && s->inlined->leave->state == LEAVE_SPLICED;
}
/* Return the uncounted bytes that such a session's connection has carried since it left, by enum inline_at of the
 * sender, and the time of the last ones */
struct spliced_seen {
    uint64_t bytes[2], seen_ns;
};
struct spliced_seen spliced_seen(const struct session *s);
/* Add the bytes carried since the last call to the counters of the session and of the service */
void spliced_count(struct session *s);
