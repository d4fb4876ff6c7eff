/* What a proxy counts, by tables: each row stands in the summary, JSON, the metrics and the manual by itself. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/stream/first.h"

enum session_end {
#define END(ident, name, class, doc) SESSION_##ident,
#include "runtime/counters/proxy_end.def"
    SESSION_ENDS /* it goes on */
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

/* How long something took, dealt out to fixed bounds (proxy_bound.def). */
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

/* Numbers of 64 bits and nothing else: they are added up as such. Ends stand first, so that who reads while it runs has
 * never more ends than sessions. */
struct proxy_counters {
    uint64_t ends[SESSION_ENDS];
    uint64_t refused[STREAM_REASON_COUNT]; /* connections and requests, for what their bytes say, by reason */
    uint64_t http[HTTP_COUNTS];
    uint64_t tls[TLS_COUNTS];
    struct proxy_took took[PROXY_TIMES];
#define COUNT(field, key, doc) uint64_t field;
#include "runtime/counters/proxy_count.def"
};

/* The loop that counts is the only one that writes; others may read meanwhile, in the order in which it was written. */
static inline void count_up(uint64_t *counter, uint64_t by)
{
    __atomic_store_n(counter, *counter + by, __ATOMIC_RELEASE);
}

/* What a loop counts, by service, so that the whole is their sum. One thread counts. */
struct proxy_counted {
    struct proxy_counters rest; /* of no service that there is: of those that are gone, of the loop itself */
    uint32_t services;
    struct proxy_counters **of; /* [services] atomic each: NULL, nothing was counted */
    uint32_t gone_count;
    struct proxy_counters **gone; /* [gone_count] of services that the last change left out: sessions of theirs may
                                     still end; NULL: of none */
};
/* NULL: memory is out. */
struct proxy_counters **proxy_counted_new(uint32_t services);
/* Another program's numbers from here on: to[old] is the new one, PBC_NONE where it is gone. fresh: of
 * proxy_counted_new; what comes back is the caller's to free. Nobody reads meanwhile. */
struct proxy_counters **proxy_counted_rename(struct proxy_counted *c, struct proxy_counters **fresh, uint32_t services,
                                             const uint32_t to[]);
void proxy_counted_fini(struct proxy_counted *c);
/* Where that service counts. Without memory that is `rest`, as it is for PBC_NONE. */
struct proxy_counters *proxy_counted_of(struct proxy_counted *c, uint32_t service);
/* Added to *sum, by any thread, as they are now. False: nothing was counted of it. PBC_NONE: the rest. */
bool proxy_counted_read(const struct proxy_counted *c, uint32_t service, struct proxy_counters *sum);

/* How many sessions have ended. */
uint64_t proxy_counters_ended(const struct proxy_counters *c);
void proxy_took(struct proxy_counters *c, enum proxy_time what, uint64_t ns);
/* How often it was measured. */
uint64_t proxy_took_count(const struct proxy_took *t);
