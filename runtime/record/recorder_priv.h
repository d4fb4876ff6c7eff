/* Declarations shared by recorder.c and recorder_thread.c. */
#pragma once

#include <pthread.h>

#include "runtime/base/bytes.h"
#include "runtime/base/looker.h"
#include "runtime/record/format.h"
#include "runtime/record/recorder.h"

/* The programs at the beginning of each file: exactly those from which a program still in use is made. */
struct programs {
    struct program_said {
        struct bytes body; /* struct record_program and its arrays */
        bool plain;        /* program_is_plain: can be made without an earlier one */
    } * all;
    unsigned count, room;
};

/* Add a program; takes ownership of the body, in any case. False: out of memory. */
bool programs_add(struct programs *p, struct bytes *body, bool plain);
/* Drop the programs from which no program with that number or a later one is made. */
void programs_forget(struct programs *p, uint64_t number);
void programs_fini(struct programs *p);

/* Append the last program, or all, as blocks. A program's file is written only once. */
void programs_put_last(const struct programs *p, struct bytes *to);
void programs_put_all(const struct programs *p, struct bytes *to);

/* An entry of the main thread, to become a block. */
struct said {
    struct said *next;
    enum record_kind kind;
    struct bytes body;
    bool plain; /* for a program: program_is_plain */
};

struct recorder {
    struct record_start start;
    const char *names[PORTS_MOST + 1]; /* names of ports, and this machine's */
    struct reel reel;
    struct tape tapes[WORKERS_MOST];
    struct moments moments[WORKERS_MOST];
    unsigned workers;
    uint32_t inline_half_open; /* bound of half-open connections, as in struct inline_share */
    /* used by the thread */
    struct looker looker;
    struct bytes out;
    struct programs programs;   /* programs for the beginning of each file */
    struct bytes routes, world; /* latest routes and world, as blocks for each file's beginning */
    uint64_t world_number;
    uint64_t world_program;       /* number of the world's program */
    uint64_t head;                /* bytes at the beginning of the file, with states */
    uint64_t state_most;          /* bytes of the largest state so far */
    bool state_too_large;         /* states do not fit, so none are requested */
    uint64_t needs[WORKERS_MOST]; /* oldest snapshot in the file: a state must be at least as new */
    bool torn;                    /* records did not fit on the disk since the file began */
    uint64_t wall_ns;             /* wall clock minus the workers' clock */
    bool waits; /* the directory belongs to another process, at most until `waits_until_ns`; 0: not checked yet */
    uint64_t waits_until_ns;
    bool told;         /* workers report their states without being asked by the first file */
    uint64_t retry_ns; /* earliest time of the next write after a failure; 0: no failure */
    /* used by both threads */
    pthread_mutex_t lock;
    struct said *first, **last;
    size_t said_bytes; /* bytes in the list */
    bool said_lost;    /* an entry was lost since the list was last taken */
    uint64_t programs_said, routes_said;
    struct recorder_counters counters; /* counters; each is atomic */
};

static inline void count(uint64_t *counter, uint64_t n) { __atomic_add_fetch(counter, n, __ATOMIC_RELAXED); }
