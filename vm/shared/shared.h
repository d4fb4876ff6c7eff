/* Numbers that the workers of one program count together, in memory that all of them change by relaxed atomics,
 * without a lock. The main thread makes them with the program; a worker's vm gets them in struct share (vm/cfg.h).
 *
 * A single worker needs none: share->all and share->hear are NULL, and it counts for itself. In a replay of a
 * recording only share->hear is set, and returns the values recorded for each worker. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/cfg.h"
#include "vm/program/remap.h"

/* Owners of the ports (or identifiers) that flows are translated to: one table for all workers, in memory that eBPF
 * programs can map, changed by atomics without a lock.
 *
 * A free port belongs to the worker of its slice: slices take blocks of 64 ports in turn, so that every range has a
 * share of each. If a worker's slice has none left, the worker takes free ports of others' slices. Then the table
 * names their owner until the last of the port's flows has ended. A worker may give one port to several flows, which
 * go to different peers, so the table keeps their number. */
enum {
    PORT_OWNERS = 65536,
    PORT_OWNER_SHIFT =
        24, /* bits from here on: the worker, plus 1; bits below: number of flows and mappings that hold the port */
    PORT_SHARED = 255, /* in place of the worker: several workers have the port (port_is_shared) */
};

struct port_owners {
    uint32_t of[PORT_OWNERS]; /* atomic; 0: without an owner */
};

/* Return the worker in whose slice a port is. */
static inline unsigned port_slice(uint16_t port, unsigned workers) { return workers > 1 ? port / 64u % workers : 0; }

/* Return the worker that gets packets of a port, by the port's entry in the table. */
static inline unsigned port_owner(uint32_t entry, uint16_t port, unsigned workers)
{
    const unsigned owner = (entry >> PORT_OWNER_SHIFT) - 1;
    return entry && owner < workers ? owner : port_slice(port, workers);
}

static inline uint32_t port_entry(const struct port_owners *o, uint16_t port)
{
    return __atomic_load_n(&o->of[port], __ATOMIC_RELAXED);
}

/* True if flows of several workers have the port: the guests give the owner of a packet (vm/worker/guests.h). The
 * entry then names no worker, so a frame first goes to the worker of the slice. */
static inline bool port_is_shared(uint32_t entry) { return entry >> PORT_OWNER_SHIFT == PORT_SHARED; }

/* Add a worker's hold on a port; false: another worker has it. */
bool port_owners_hold(struct port_owners *o, uint16_t port, unsigned worker);
/* The same for a flow read with its port: if another worker's flow has the port, too, it is shared until the last of
 * these flows has ended. */
void port_owners_share(struct port_owners *o, uint16_t port, unsigned worker);
/* Undo one port_owners_hold. */
void port_owners_drop(struct port_owners *o, uint16_t port);

/* One number. The next program continues it if it has the counted part. */
struct shared_cell {
    uint64_t value;   /* atomic: the number, or the bucket */
    uint64_t base_ns; /* time of a bucket's unit 0 */
    uint32_t users;   /* programs that hold the cell; used by the main thread only */
};

struct shared {
    struct shared_cell **services, **servers; /* numbers of flows, by index in SERVICES, SERVERS */
    struct shared_cell **meters;              /* buckets, by index in METERS; unused for meters with a key */
    uint32_t services_count, servers_count, meters_count;
    struct port_owners *ports; /* owned by the caller, for all programs; NULL: each worker uses only its slice */
};

/* Make the numbers of a program: all zero, buckets full at now_ns (mono). Numbers that `from` (of program r->from)
 * already has go on, and so do the ports. from, r: NULL if there was no program before. NULL: out of memory. */
struct shared *shared_new(const struct program *p, const struct shared *from, const struct remap *r, uint64_t now_ns);
/* Free the numbers, once no worker uses them. s may be NULL. */
void shared_free(struct shared *s);

static inline void shared_add(struct shared_cell *c) { __atomic_fetch_add(&c->value, 1, __ATOMIC_RELAXED); }
static inline void shared_drop(struct shared_cell *c) { __atomic_fetch_sub(&c->value, 1, __ATOMIC_RELAXED); }
static inline uint64_t shared_read(const struct shared_cell *c) { return __atomic_load_n(&c->value, __ATOMIC_RELAXED); }
/* Add 1 if the result is at most `most`. False: it would exceed that, or other workers were faster too often. */
bool shared_reserve(struct shared_cell *c, uint64_t most);
/* A request to a bucket (judge/meters/meter.h). The bucket's value is the time of the next conforming packet, in
 * units. It is at most `limit` (up to 2^62) ahead of the clock. Times are compared with wrap-around: a bucket never
 * expires. */
struct shared_ask {
    uint64_t now, limit; /* in units; `now` since base_ns, wrapping */
    uint64_t need, want; /* smallest and greatest number of units to take; `need` is not 0 */
};
/* Return the number of units taken; 0: fewer than needed were left, or other workers were faster too often. */
uint64_t shared_take(struct shared_cell *c, const struct shared_ask *a);
/* Return unused units to the bucket. */
static inline void shared_give(struct shared_cell *c, uint64_t units)
{
    __atomic_fetch_sub(&c->value, units, __ATOMIC_RELAXED);
}
/* Return how far the bucket is ahead of `now`, at most `limit`. */
uint64_t shared_ahead(const struct shared_cell *c, uint64_t now, uint64_t limit);

/* True if the worker counts together with others */
static inline bool share_counts(const struct share *s) { return s->all || s->hear; }
/* Pass on `value`, a shared number that the worker just read. All shared numbers that a worker reads pass through
 * here: a recording stores them, and a replay returns the recorded value, which is hostile. */
static inline uint64_t share_hear(const struct share *s, uint64_t value)
{
    return s->hear ? s->hear(s->arg, value) : value;
}
