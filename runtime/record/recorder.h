/* The flight recorder: what workers did and were told, written down by a thread of its own while they go on. */
#pragma once

#include <stdbool.h>

#include "runtime/exchange/moments.h"
#include "runtime/record/reel.h"
#include "runtime/worker/worker.h"

struct recorder_cfg {
    uint32_t snap;            /* bytes that are kept of a frame; UINT32_MAX: all */
    const char *const *names; /* [devices] as long as the recorder lives */
    const struct port *port;  /* [ports], of any worker; port i is of device i % devices */
    unsigned ports, devices, workers;
    uint64_t seed;  /* of the workers */
    bool forwards;  /* as in struct worker_cfg */
    bool in_kernel; /* the kernel judges; one of the workers is what it tells of */
};

/* Into these files, opened to be written, which are the recorder's from then on; nothing is written yet. NULL: out of
 * memory. */
struct recorder *recorder_new(const struct recorder_cfg *cfg, struct reel *reel);
void recorder_free(struct recorder *r);

/* The thread begins: after this workers may. 0 or a negative errno. */
int recorder_start(struct recorder *r);
/* Write what is there and end. After the workers have. */
void recorder_stop(struct recorder *r);

/* Where that worker is recorded, for worker_record. */
struct tape *recorder_tape(struct recorder *r, unsigned worker);

/* What becomes of the sessions of the proxy loop beside it. */
struct moments *recorder_moments(struct recorder *r, unsigned worker);

/* A program that workers are to run from now on, and what the change is made of: ids of interfaces by those that they
 * had, what is gone, times, and the snapshot, by its number, of vm_prepare. The first has none of these. Returns its
 * number. */
struct record_change {
    const uint16_t *ids;
    unsigned count;
    const uint8_t *gone; /* as remap_new was told */
    uint32_t gone_count; /* 0: NULL */
    uint64_t remap_ns, prepare_ns, world;
};
uint64_t recorder_program(struct recorder *r, const struct program *p, const struct record_change *change);
/* Before a worker can see it. program: the number of the one that it is made for. */
void recorder_world(struct recorder *r, const struct snapshot *s, uint64_t program);

struct recorder_counters {
    uint64_t bytes, files, packets; /* written */
    uint64_t sessions;              /* moments of these, written */
    uint64_t lost;                  /* records that found no room in a tape or on the disk */
    int failed;                     /* the last errno of the disk, negative; 0: it took all */
};
struct recorder_counters recorder_counters(const struct recorder *r);
