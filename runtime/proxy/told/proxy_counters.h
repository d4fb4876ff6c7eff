/* Counters of a proxy, by tables: each row appears by itself in the summary, JSON, the metrics and the manual */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/flow/flow.h"
#include "vm/stream/first.h"

enum session_end {
#define END(ident, name, class, doc) SESSION_##ident,
#include "runtime/counters/proxy_end.def"
    SESSION_ENDS /* not ended */
};
enum end_class { END_GOOD, END_CLIENT, END_SERVER, END_RULES, END_TIME, END_OURS };
const char *session_end_name(enum session_end e);
enum end_class session_end_class(enum session_end e);

enum http_count {
#define HTTP_COUNT(ident, name, doc) HTTP_COUNT_##ident,
#include "runtime/counters/proxy_http_count.def"
    HTTP_COUNTS
};

enum tls_count {
#define TLS_COUNT(ident, name, doc) TLS_COUNT_##ident,
#include "runtime/counters/proxy_tls_count.def"
    TLS_COUNTS
};

/* Durations, counted by fixed bounds (proxy_bound.def) */
enum proxy_time {
#define PROXY_TIME(ident, key, doc) PROXY_TIME_##ident,
#include "runtime/counters/proxy_time.def"
    PROXY_TIMES
};
enum proxy_bound {
#define BOUND(ident, us, seconds) BOUND_##ident,
#include "runtime/counters/proxy_bound.def"
    PROXY_BOUNDS
};
struct proxy_took {
    uint64_t within[PROXY_BOUNDS + 1]; /* up to a bound and above the one before; the last: above all */
    uint64_t sum_us;
};

/* 64-bit numbers only, so that they can be added up in a loop. Ends come first, so that a concurrent reader never sees
 * more ends than sessions. */
struct proxy_counters {
    uint64_t ends[SESSION_ENDS];
    uint64_t refused[STREAM_REASON_COUNT]; /* by reason: connections and requests refused for their bytes */
    uint64_t http[HTTP_COUNTS];
    uint64_t tls[TLS_COUNTS];
    struct proxy_took took[PROXY_TIMES];
    uint64_t stays[SPLICE_WHYS]; /* times that an inline connection stayed with its sockets, by reason */
#define COUNT(field, key, doc) uint64_t field;
#include "runtime/counters/proxy_count.def"
};

/* Add to a counter. Only the loop that counts writes; others may read meanwhile, and see writes in their order. */
static inline void count_up(uint64_t *counter, uint64_t by)
{
    __atomic_store_n(counter, *counter + by, __ATOMIC_RELEASE);
}

/* Counters of a loop, by service; their sum is the total. One thread counts. */
struct proxy_counted {
    struct proxy_counters rest; /* for removed services, and for the loop itself */
    uint32_t services;
    struct proxy_counters **of; /* [services], each atomic; NULL: nothing was counted */
    uint32_t gone_count;
    struct proxy_counters **gone; /* [gone_count]: of removed services; sessions may still end; NULL: none */
};
/* Return the counters for `services` services; NULL: out of memory */
struct proxy_counters **proxy_counted_new(uint32_t services);
/* Renumber for another program: to[old] is the new number, PBC_NONE if removed. fresh: from proxy_counted_new. The
 * caller frees the result. No other thread may read meanwhile. */
struct proxy_counters **proxy_counted_rename(struct proxy_counted *c, struct proxy_counters **fresh, uint32_t services,
                                             const uint32_t to[]);
void proxy_counted_fini(struct proxy_counted *c);
/* Return the counters of a service; `rest` for PBC_NONE, or without memory */
struct proxy_counters *proxy_counted_of(struct proxy_counted *c, uint32_t service);
/* Add the service's counters to *sum, in any thread. False if nothing was counted. PBC_NONE: the rest. */
bool proxy_counted_read(const struct proxy_counted *c, uint32_t service, struct proxy_counters *sum);

/* Add counters, which the loop may be changing */
void proxy_counters_add(struct proxy_counters *to, const struct proxy_counters *c);
/* Return the number of ended sessions */
uint64_t proxy_counters_ended(const struct proxy_counters *c);
void proxy_took(struct proxy_counters *c, enum proxy_time what, uint64_t ns);
/* Return the number of measurements */
uint64_t proxy_took_count(const struct proxy_took *t);
