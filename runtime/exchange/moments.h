/* Events of connections that end on this machine, for the flight recorder: a ring from each proxy loop to the
 * recorder's thread. The loop never waits; events without room are counted. */
#pragma once

#include <assert.h>

#include "runtime/exchange/ring.h"

enum moment_kind {
    MOMENT_BEGUN,  /* accepted: service, rule and firewall are known */
    MOMENT_SERVED, /* connected to a server; in `mode proxy http`: to another server than before */
    MOMENT_ENDED,  /* ended: reason, and the bytes in each direction */
    MOMENTS
};

/* One event, also the format in files. Each holds all facts about the session at that time. */
struct session_moment {
    uint64_t now_ns;             /* the loop's clock, monotonic */
    uint64_t session;            /* number of the session in its loop */
    uint64_t program;            /* number of the program that the indexes below belong to */
    uint32_t rule, firewall;     /* rule and firewall that let the connection in, as in struct verdict */
    uint32_t service, server;    /* service and server of the session; PBC_NONE: none */
    uint32_t src[4], dst[4];     /* addresses of the client and the service, as in struct key */
    uint16_t src_port, dst_port; /* ports of the client and the service */
    uint8_t family, kind;        /* 4 or 6; enum moment_kind */
    uint8_t zero[2];
    uint64_t up_bytes, down_bytes; /* bytes sent to servers, and to the client */
    char end[24];                  /* for MOMENT_ENDED: the reason, a word with a zero behind it */
};
static_assert(sizeof(struct session_moment) == 120, "as written to files: no padding");

struct moments {
    struct ring ring;
    uint64_t lost; /* atomic: events without room, in total */
};

enum { MOMENTS_KEPT = 8192 };
/* Return 0 or -ENOMEM. */
static inline int moments_init(struct moments *m)
{
    *m = (struct moments){0};
    return ring_init(&m->ring, MOMENTS_KEPT, sizeof(struct session_moment));
}
static inline void moments_fini(struct moments *m) { ring_fini(&m->ring); }

/* Put an event; called by the loop. */
static inline void moments_put(struct moments *m, const struct session_moment *one)
{
    if (!ring_put(&m->ring, one)) __atomic_add_fetch(&m->lost, 1, __ATOMIC_RELAXED);
}

/* Return the number of events. Take the oldest, if there is one (second function). Both are called by the recorder's
 * thread. */
static inline unsigned moments_there(const struct moments *m)
{
    return __atomic_load_n(&m->ring.put, __ATOMIC_ACQUIRE) - __atomic_load_n(&m->ring.taken, __ATOMIC_RELAXED);
}
static inline bool moments_take(struct moments *m, struct session_moment *one) { return ring_take(&m->ring, one); }
