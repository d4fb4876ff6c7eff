/* A thread that looks for work in turns: every few milliseconds while there is work, otherwise at longer and longer
 * intervals. A thread that leaves work for it needs no system call, because it need not be woken. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct looker {
    bool (*turn)(void *arg); /* do some of the work; true: there was work */
    void *arg;
    uint64_t pause_ns;
    pthread_t thread;
    bool runs;
    uint32_t stop;            /* atomic; set to end the thread */
    uint32_t calls, answered; /* atomic: number of calls of looker_settle, and of the last call that is done */
};

/* Start the thread, unless it runs. pause_ns: shortest pause between turns; the longest is LOOKER_IDLE times as
 * long, but less than a second. Return 0 or a negative errno. */
enum { LOOKER_IDLE = 16 };
int looker_start(struct looker *l, bool (*turn)(void *arg), void *arg, uint64_t pause_ns);
/* Run turns without a pause until one finds nothing, and wait for that, at most up to until_ns (CLOCK_MONOTONIC). No
 * thread may leave work meanwhile, and only one thread at a time may call this. False: it took too long. If the
 * thread does not run, it has settled. */
bool looker_settle(struct looker *l, uint64_t until_ns);
/* Run turns until one finds nothing, and end the thread if it runs. No thread may leave work after that. */
void looker_stop(struct looker *l);
