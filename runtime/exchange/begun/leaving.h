/* An exchange between a proxy loop and its worker about inline connections that leave the inline stack
 * (vm/flow/spliced.h): a ring in each direction, and memory in which the worker counts the bytes of spliced
 * connections. No message is lost, because a sender without room keeps it. */
#pragma once

#include <stdbool.h>

#include "runtime/exchange/ring.h"
#include "vm/flow/flow.h"

enum { LEAVING_ENTRIES = 1024 }; /* entries of each ring */
struct leaving {
    uint32_t most;                  /* connections have numbers below this */
    struct inline_carried *carried; /* [most]: written by the worker, read by the loop */
    struct ring asks, told;         /* struct inline_ask, to the worker; struct inline_told, to the loop */
    struct ring others;             /* struct inline_ask, to the worker, from earlier processes (leaving_pass) */
    struct ring away;               /* struct inline_told, by the main thread to earlier processes */
    int wake_fd;                    /* eventfd that wakes the worker, which owns it */
    int told_fd;                    /* eventfd that wakes the loop */
    int full;                       /* atomic; nonzero: the worker has messages for which there was no room */
    int asks_full;                  /* atomic; nonzero: the loop has requests for which there was no room */
    int stopped;                    /* atomic; nonzero: the worker takes no more */
    int still; /* atomic; nonzero: no connection leaves now, because another process is about to take over */
};

/* Make an exchange for the numbers below `most`. memory: a file in memory for their counts, which stays the
 * caller's, so that another process can have it, too; 0: this process's own memory. Memory of numbers is touched as
 * it is used. NULL: out of memory, or the file is too short. */
struct leaving *leaving_new(uint32_t most, int memory, int wake_fd);
void leaving_free(struct leaving *l); /* NULL is accepted */
size_t leaving_bytes(void);           /* return the bytes of memory for each number */

/* The loop: ask the worker. False: no room now, and the loop is woken once there is room. Requests to a stopped
 * worker are dropped. Take the oldest answer (second function); false: no answer. */
bool leaving_ask(struct leaving *l, const struct inline_ask *ask);
bool leaving_hear(struct leaving *l, struct inline_told *told);
/* Read what a connection has carried. */
struct inline_carried leaving_carried(const struct leaving *l, uint32_t number);

/* The main thread: pass on a request from a loop of an earlier process. False: no room now. Take the oldest answer
 * that may be for such a loop (second function); false: none. Stop connections from leaving, or allow it again
 * (third). */
bool leaving_pass(struct leaving *l, const struct inline_ask *ask);
bool leaving_away(struct leaving *l, struct inline_told *told);
void leaving_still(struct leaving *l, bool still);

/* The worker, or its substitute: take the oldest request; false: none. */
bool leaving_asked(struct leaving *l, struct inline_ask *ask);
/* True if there is room for an answer. If not, the worker is woken when there is. */
bool leaving_has_room(struct leaving *l);
/* Put an answer, for which there is room. leaving_call wakes the loop, after one or more. */
void leaving_tell(struct leaving *l, const struct inline_told *told);
/* Answer that the connection stays for now. */
void leaving_stays(struct leaving *l, const struct inline_ask *ask, enum splice_why why);
void leaving_call(struct leaving *l);
void leaving_stop(struct leaving *l);
