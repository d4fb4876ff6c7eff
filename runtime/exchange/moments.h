/* What became of connections that end here, for the flight recorder: a ring from each proxy loop to its thread. The
 * loop never waits; what finds no room is counted. */
#pragma once

#include <assert.h>

#include "runtime/exchange/ring.h"

enum moment_kind {
    MOMENT_BEGUN,  /* it was accepted: service, rule and firewall are known */
    MOMENT_SERVED, /* it has a server; `mode proxy http`: another one than before */
    MOMENT_ENDED,  /* why, and the bytes each way */
    MOMENTS
};

/* As it is written to a file, too: each says all that is known of the session then. */
struct session_moment {
    uint64_t now_ns;             /* the loop's clock, mono */
    uint64_t session;            /* its number in its loop */
    uint64_t program;            /* the number of the program whose indexes follow */
    uint32_t rule, firewall;     /* who let it in, as in struct verdict */
    uint32_t service, server;    /* PBC_NONE: none that there is */
    uint32_t src[4], dst[4];     /* the client, the service; as in struct key */
    uint16_t src_port, dst_port; /* … and where */
    uint8_t family, kind;        /* 4 or 6; enum moment_kind */
    uint8_t zero[2];
    uint64_t up_bytes, down_bytes; /* to servers, to the client */
    char end[24];                  /* of MOMENT_ENDED: why, a word; 0 behind it */
};
static_assert(sizeof(struct session_moment) == 120, "as written to files: no padding");

struct moments {
    struct ring ring;
    uint64_t lost; /* atomic: that found no room, ever */
};

enum { MOMENTS_KEPT = 8192 };
/* 0 or -ENOMEM. */
static inline int moments_init(struct moments *m)
{
    *m = (struct moments){0};
    return ring_init(&m->ring, MOMENTS_KEPT, sizeof(struct session_moment));
}
static inline void moments_fini(struct moments *m) { ring_fini(&m->ring); }

/* By the loop. */
static inline void moments_put(struct moments *m, const struct session_moment *one)
{
    if (!ring_put(&m->ring, one)) __atomic_add_fetch(&m->lost, 1, __ATOMIC_RELAXED);
}

/* By the one that writes: how many are there; and the oldest, if there is one. */
static inline unsigned moments_there(const struct moments *m)
{
    return __atomic_load_n(&m->ring.put, __ATOMIC_ACQUIRE) - __atomic_load_n(&m->ring.taken, __ATOMIC_RELAXED);
}
static inline bool moments_take(struct moments *m, struct session_moment *one) { return ring_take(&m->ring, one); }
