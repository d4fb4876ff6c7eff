/* A thread that looks for work in turns: every few milliseconds while there is some, otherwise less and less often.
 * A thread that leaves work for it needs no system call, because it need not be woken. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct looker {
    bool (*turn)(void *arg); /* do some of the work; true: there was some */
    void *arg;
    uint64_t pause_ns;
    pthread_t thread;
    bool runs;
    uint32_t stop;            /* atomic */
    uint32_t calls, answered; /* atomic: calls of looker_settle, and the last one answered */
};

/* Start the thread, unless it runs. pause_ns: shortest pause between turns; the longest is LOOKER_IDLE times that, and
 * below a second. Return 0 or a negative errno. */
enum { LOOKER_IDLE = 16 };
int looker_start(struct looker *l, bool (*turn)(void *arg), void *arg, uint64_t pause_ns);
/* Have turns go on at once until one finds nothing, and wait for that until then (CLOCK_MONOTONIC); no thread may
 * leave work meanwhile. One thread at a time may call this. False: it is late. A thread that does not run has
 * settled. */
bool looker_settle(struct looker *l, uint64_t until_ns);
/* Have turns go on until one finds nothing, and end the thread, if it runs. No thread may leave work after that. */
void looker_stop(struct looker *l);
