/* What the workers of one program count together: numbers in memory that all of them change, by relaxed atomics; no
 * lock. Made by the main thread, with the program; a worker's vm is told of it (struct share, vm/cfg.h).
 *
 * One worker needs none of it: then share->all and share->hear are NULL, and it counts for itself. Workers that are
 * judged again from a recording have share->hear alone, which says what each was told when it was recorded. */
#pragma once

#include "vm/cfg.h"
#include "vm/program/remap.h"

/* One number. It goes on from program to program, while any of them has what it counts. */
struct shared_cell {
    uint64_t value;   /* atomic */
    uint64_t base_ns; /* of a bucket: when its unit 0 was */
    uint32_t users;   /* programs; the main thread's alone */
};

struct shared {
    struct shared_cell **services, **servers; /* flows by index in SERVICES, SERVERS */
    struct shared_cell **meters;              /* buckets by index in METERS; of those with a key not used */
    uint32_t services_count, servers_count, meters_count;
};

/* All zero, buckets full at now_ns (mono); or what goes on of `from`, whose program was r->from (both NULL: there was
 * none before). NULL: memory is out. */
struct shared *shared_new(const struct program *p, const struct shared *from, const struct remap *r, uint64_t now_ns);
/* Once no worker has it any more. May be NULL. */
void shared_free(struct shared *s);

static inline void shared_add(struct shared_cell *c) { __atomic_fetch_add(&c->value, 1, __ATOMIC_RELAXED); }
static inline void shared_drop(struct shared_cell *c) { __atomic_fetch_sub(&c->value, 1, __ATOMIC_RELAXED); }
static inline uint64_t shared_read(const struct shared_cell *c) { return __atomic_load_n(&c->value, __ATOMIC_RELAXED); }
/* One more if that makes no more than `most`. False: it would; or others were faster too often, as if it did. */
bool shared_reserve(struct shared_cell *c, uint64_t most);
/* A bucket as in judge/meters/meter.h: the value is the time of the next conforming packet, in units, which may lie
 * `limit` ahead of the clock; no more than 2^62. Times are compared as they wrap, so a bucket lasts for any time. */
struct shared_ask {
    uint64_t now, limit; /* units since base_ns, wrapping */
    uint64_t need, want; /* at least, at most; need is not 0 */
};
/* So many units were taken; 0: there were fewer than needed, or others were faster too often. */
uint64_t shared_take(struct shared_cell *c, const struct shared_ask *a);
/* Some of them were not used. */
static inline void shared_give(struct shared_cell *c, uint64_t units)
{
    __atomic_fetch_sub(&c->value, units, __ATOMIC_RELAXED);
}
/* How far the bucket lies ahead of `now`, at most `limit`. */
uint64_t shared_ahead(const struct shared_cell *c, uint64_t now, uint64_t limit);

/* Does the worker count together with others? */
static inline bool share_counts(const struct share *s) { return s->all || s->hear; }
/* All that a worker learns of what is shared goes through here: `value` was found now, and is written down where the
 * worker is recorded; judged again it is the recorded one that comes back, which is hostile. */
static inline uint64_t share_hear(const struct share *s, uint64_t value)
{
    return s->hear ? s->hear(s->arg, value) : value;
}
