/* What recorder.c and recorder_thread.c share. */
#pragma once

#include <pthread.h>

#include "runtime/record/format.h"
#include "runtime/record/programs.h"
#include "runtime/record/recorder.h"

/* What the main thread says: a block to be. */
struct said {
    struct said *next;
    enum record_kind kind;
    struct bytes body;
    bool plain; /* a program: program_is_plain */
};

struct recorder {
    struct record_start start;
    const char *names[PORTS_MOST + 1]; /* and this machine's */
    struct reel reel;
    struct tape tapes[WORKERS_MOST];
    struct moments moments[WORKERS_MOST];
    unsigned workers;
    /* of the thread */
    pthread_t thread;
    int stop; /* atomic */
    struct bytes out;
    struct programs programs;   /* for the beginning of each file */
    struct bytes routes, world; /* likewise, as blocks */
    uint64_t world_number;
    uint64_t world_program;       /* the number of the program that it is made for */
    uint64_t head;                /* bytes that the file began with, states too */
    uint64_t state_most;          /* bytes of the largest state so far */
    bool state_too_large;         /* for its room: none is asked for any more */
    uint64_t needs[WORKERS_MOST]; /* the oldest snapshot that the file knows: a state has to be in no older one */
    bool torn;                    /* something found no room on the disk since the file began */
    uint64_t wall_ns;             /* what the wall's clock is ahead of the workers' */
    uint64_t retry_ns;            /* after a write that failed, the next one is tried then; 0: the last one succeeded */
    /* shared */
    pthread_mutex_t lock;
    struct said *first, **last;
    size_t said_bytes; /* of these */
    bool said_lost;    /* one found no room since they were taken */
    uint64_t programs_said, routes_said;
    struct recorder_counters counters; /* each atomic */
};

static inline void count(uint64_t *counter, uint64_t n) { __atomic_add_fetch(counter, n, __ATOMIC_RELAXED); }
