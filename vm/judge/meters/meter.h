/* Meters: a token bucket for each key, in fixed memory.
 *
 * A bucket is one word, the time of the next conforming packet (GCRA; ITU-T I.371), counted in units of which a token
 * costs a whole number; so a rate such as 7/h is never rounded. Where tokens and nanoseconds have a small common
 * measure the unit is that, and all is exact; elsewhere a unit is between a half and one nanosecond, and a meter
 * behaves exactly like the ideal bucket on a clock that is at most that much late.
 *
 * Buckets lie in a table by key (vm/keyed/). A bucket that is full again equals a key never seen: its slot is free for
 * another. A key that finds no room shares one bucket with all others that find none.
 *
 * Where several workers count together (meters_share) a meter without a key has one bucket for all of them. A worker
 * takes units from it ahead of need, a lease: at most a sixteenth of a second's budget and of the burst, over all
 * workers, and no less than the packet at hand needs. What it does not use within a second goes back. So no more passes
 * than one bucket would let pass and the workers' leases. */
#pragma once

#include "vm/keyed/archive.h"
#include "vm/packet/key.h"
#include "vm/program/program.h"
#include "vm/shared/shared.h"
#include "vm/verdict.h"

enum meter_says {
    METER_LACKS,  /* the packet has not what the meter counts by */
    METER_WITHIN, /* there was a token, and it was taken */
    METER_OVER,   /* there was none */
};

/* The arithmetic of one rate. */
struct meter_rate {
    uint64_t num, den; /* units a nanosecond */
    uint64_t cost;     /* units a token */
    uint64_t limit;    /* units that a bucket may lie ahead of the clock: the burst */
    uint64_t lasts_ns; /* a clock that runs longer has more than 63 bits of units */
    /* num / den in parts: whole + rest / den, and rest / den in 64 bits behind the point. */
    uint64_t whole, rest, part;
};
void meter_rate_init(struct meter_rate *r, const struct pbc_meter *m);

struct meters;
struct keyed;

/* All meters of a program, every bucket full. NULL when memory is out. */
struct meters *meters_new(const struct program *p, uint64_t seed);
void meters_free(struct meters *m);
/* One of so many workers that count together; before anything is asked. */
void meters_share(struct meters *m, const struct share *s, unsigned workers);
/* `to`, of another program, goes on with the buckets and counters of `from` for meters of equal definition: was[i] is
 * what number i was there, PBC_NONE: it is new. */
void meters_keep(struct meters *to, struct meters *from, const uint32_t *was);
const struct meter_counter *meters_counters(const struct meters *m);
/* Add what others counted: more[program->meters_count]. */
void meters_count(struct meters *m, const struct program *p, const struct meter_counter more[]);

/* The time of all that is asked from now on; never runs back. */
void meters_at(struct meters *m, uint64_t now_ns);

/* Ask for the packet: takes its tokens if they are there. `packet`: a number that no other packet has; the second time
 * that a packet asks it is told the same. */
enum meter_says meter_ask(struct meters *m, uint32_t meter, const struct key *key, uint64_t packet);

/* What meter_ask would say, with nothing taken; *tokens (or NULL): packets or bytes left. m may be NULL: unused meters.
 */
enum meter_says meter_peek(const struct meters *m, const struct program *p, uint32_t meter, const struct key *key,
                           uint64_t *tokens);

/* Buckets of one meter as another executor holds them, of the same definition: the arrays are of table->groups. */
struct meter_buckets {
    uint64_t base_ns, shared;
    const struct keyed *table; /* its hash, `used` and `hand`; with a key alone */
    const uint16_t *tags;
    const uint64_t *words;
    const void *entries;
};
/* From here on they are this worker's, too, as they are now: what explain asks. */
void meters_show(struct meters *m, uint32_t meter, const struct meter_buckets *there);

/* Take a token of a meter without a key, as often as asked. */
bool meter_take(struct meters *m, uint32_t meter);

/* All buckets (keyed/archive.h), into meters that are new. */
bool meters_archive(struct meters *m, struct archive *a);

/* Free the slots of keys whose bucket is full again, a bounded number at a time, and give back what was leased for too
 * long. True while any key or lease is held. */
bool meters_sweep(struct meters *m);
