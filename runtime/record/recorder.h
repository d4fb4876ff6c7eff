/* The flight recorder: a thread that writes the workers' steps and inputs, while the workers go on. */
#pragma once

#include <stdbool.h>

#include "runtime/exchange/moments.h"
#include "runtime/record/reel.h"
#include "runtime/worker/worker.h"

struct recorder_cfg {
    uint32_t snap;            /* bytes kept of a frame; UINT32_MAX: all */
    const char *const *names; /* [devices] names; valid as long as the recorder */
    const struct port *port;  /* [ports] ports, as of any worker; port i belongs to device i % devices */
    unsigned ports, devices, workers;
    uint32_t bare;             /* bit i: device i has no Ethernet, according to the first snapshot */
    uint64_t seed;             /* seed of the workers */
    uint32_t inline_half_open; /* bound of half-open connections, as in struct inline_share */
    bool forwards;             /* the host stack forwards packets, as in struct worker_cfg */
    bool forwards4, forwards6; /* for each family: the host stack forwards its packets */
    bool takes;                /* another process may record into the directory for a moment; workers have states */
    bool in_kernel;            /* the kernel judges, and one of the workers represents it */
};

/* Make a recorder for the reel's files, which it owns from now on; nothing is written yet. NULL: out of memory. */
struct recorder *recorder_new(const struct recorder_cfg *cfg, struct reel *reel);
void recorder_free(struct recorder *r);

/* Start the thread; workers may start after that. If cfg.takes is set, they report their states first. Return 0 or a
 * negative errno. */
int recorder_start(struct recorder *r);
/* Write the rest and end, after the workers have ended. */
void recorder_stop(struct recorder *r);

/* Return the tape on which the worker is recorded, for worker_record. */
struct tape *recorder_tape(struct recorder *r, unsigned worker);

/* Return the ring for session moments of the worker's proxy loop. */
struct moments *recorder_moments(struct recorder *r, unsigned worker);

/* A change of programs: new ids of the old interface ids, leftovers that are gone, times, and the number of
 * vm_prepare's snapshot. */
struct record_change {
    const uint16_t *ids;
    unsigned count;
    const uint8_t *gone; /* leftovers that are gone, as given to remap_new */
    uint32_t gone_count; /* number of entries in `gone`; 0: it is NULL */
    uint64_t remap_ns, prepare_ns, world;
};
/* Record the workers' next program, and the change. The first program has no change. Return its number. */
uint64_t recorder_program(struct recorder *r, const struct program *p, const struct record_change *change);
/* Record a snapshot, before a worker can see it. program: number of its program. */
void recorder_world(struct recorder *r, const struct snapshot *s, uint64_t program);

struct recorder_counters {
    uint64_t bytes, files, packets; /* number of bytes, files and packets written */
    uint64_t sessions;              /* number of moments of sessions written */
    uint64_t lost;                  /* records that did not fit in a tape or on the disk */
    int failed;                     /* last errno of the disk, negative; 0: no failure */
};
struct recorder_counters recorder_counters(const struct recorder *r);
