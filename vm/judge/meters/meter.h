/* Meters: a token bucket for each key, in fixed memory.
 *
 * A bucket is one word, the time of the next conforming packet (GCRA; ITU-T I.371), counted in units of which a token
 * costs a whole number; so a rate such as 7/h is never rounded. If tokens and nanoseconds have a small common measure,
 * the unit is that, and all is exact. Otherwise a unit is between a half and one nanosecond, and a meter behaves
 * exactly like the ideal bucket on a clock that is at most that much late.
 *
 * Buckets are in a table by key (vm/keyed/). A bucket that is full again equals a key never seen: its slot is free
 * for another. Keys without room share one bucket.
 *
 * Workers that count together (meters_share) have one bucket for a meter without a key. A worker takes units from it
 * ahead of need, a lease: at most a sixteenth of a second's budget and of the burst, over all workers, and at least
 * what the current packet needs. Units not used within a second go back. So the workers let at most their leases
 * pass beyond what one bucket would let pass. */
#pragma once

#include "vm/keyed/archive.h"
#include "vm/packet/key.h"
#include "vm/program/program.h"
#include "vm/shared/shared.h"
#include "vm/verdict.h"

enum meter_says {
    METER_LACKS,  /* the packet lacks the field that the meter counts by */
    METER_WITHIN, /* there was a token, and the packet took it */
    METER_OVER,   /* there was no token */
};

/* The arithmetic of one rate. */
struct meter_rate {
    uint64_t num, den; /* units per nanosecond, as a fraction */
    uint64_t cost;     /* units per token */
    uint64_t limit;    /* units that a bucket may be ahead of the clock: the burst */
    uint64_t lasts_ns; /* longest time of a clock whose units fit in 63 bits */
    /* num / den in parts: whole + rest / den, and rest / den as a binary fraction of 64 bits */
    uint64_t whole, rest, part;
};
void meter_rate_init(struct meter_rate *r, const struct pbc_meter *m);

struct meters;
struct keyed;

/* Return all meters of a program, with every bucket full. NULL: out of memory. */
struct meters *meters_new(const struct program *p, uint64_t seed);
void meters_free(struct meters *m);
/* Make these the meters of one of `workers` workers that count together. Call it before the first request. */
void meters_share(struct meters *m, const struct share *s, unsigned workers);
/* Move buckets and counters from `from`, the meters of another program, to `to`, if definitions are equal. was[i]:
 * number in `from` of meter i; PBC_NONE: it is new. */
void meters_keep(struct meters *to, struct meters *from, const uint32_t *was);
const struct meter_counter *meters_counters(const struct meters *m);
/* Add the counters of another executor: more[program->meters_count]. */
void meters_count(struct meters *m, const struct program *p, const struct meter_counter more[]);

/* Set the time of all requests that follow; it never runs back. */
void meters_at(struct meters *m, uint64_t now_ns);

/* Ask for the packet, which takes its tokens if there are enough. `packet`: a number of this packet only; a packet
 * that asks again gets the same result. */
enum meter_says meter_ask(struct meters *m, uint32_t meter, const struct key *key, uint64_t packet);

/* Return what meter_ask would, with nothing taken. *tokens (or NULL): packets or bytes left. m may be NULL: unused
 * meters. */
enum meter_says meter_peek(const struct meters *m, const struct program *p, uint32_t meter, const struct key *key,
                           uint64_t *tokens);

/* Buckets of one meter in another executor, of the same definition. The arrays have table->groups groups. */
struct meter_buckets {
    uint64_t base_ns, shared;
    const struct keyed *table; /* hash, `used` and `hand`; only with a key */
    const uint16_t *tags;
    const uint64_t *words;
    const void *entries;
};
/* Copy the current state of those buckets to this worker's: for explain. */
void meters_show(struct meters *m, uint32_t meter, const struct meter_buckets *there);
/* Set *here to this worker's buckets, for another executor. */
void meters_tell(const struct meters *m, uint32_t meter, struct meter_buckets *here);

/* Take from a meter without a key, for a packet of that many bytes: a token, or one per byte if the meter counts
 * bytes. Each call takes tokens. */
bool meter_take(struct meters *m, uint32_t meter, uint32_t bytes);

/* Lower each key's bucket to its level in `from`, another worker's meter of the same program, because a forwarded
 * packet's source may be asked about in any worker. The same holds for the bucket of a meter without a key, which
 * may be common to all workers. A key that finds no slot lowers the bucket of all such keys only if it is a source
 * for which `takes` is true, because such a source is asked about only here. Nothing is judged. */
typedef bool meters_takes_fn(void *arg, const uint32_t addr[4], bool v6);
void meters_move(struct meters *m, struct meters *from, meters_takes_fn *takes, void *arg);

/* Write or read all buckets (keyed/archive.h); reading needs new meters. */
bool meters_archive(struct meters *m, struct archive *a);

/* Free the slots of keys whose bucket is full again, a bounded number at a time, and give back leases that are too old.
 * True while any key or lease is held. */
bool meters_sweep(struct meters *m);
