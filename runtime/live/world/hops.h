/* The main thread's list of next hops that workers asked for, neighbours and ways: resolved through the host's view,
 * and again whenever that changes. It is bounded, and who was used longest ago gives way; what prey's own packets need
 * stays before what only crosses. */
#pragma once

#include "runtime/exchange/snapshot.h"
#include "runtime/host/host.h"
#include "runtime/parent/ask.h"
#include "vm/keyed/keyed.h"

enum { HOPS_MOST = 16384 };

struct hops {
    struct host *host;
    struct channel *channel; /* neighbours are asked for by it */
    const unsigned *ifindex; /* of the ports */
    unsigned port_count;
    struct keyed all; /* of struct wanted (hops.c); a word says whose it is, and when it was used */
    uint64_t moved;   /* so often what was known of one was so no more */
};

bool hops_init(struct hops *h, uint64_t seed); /* the fields above are set. False: memory is out */
/* A hop that is wanted from now on. One that nobody has answered for is asked about at most ten times a second,
 * however often it is wanted. True: what workers are to know has changed. */
bool hops_want(struct hops *h, const struct hop_ask *ask, uint64_t now_ns);
/* Resolve all again; ways false: only neighbours have changed, and the kernel is not asked for routes. True: something
 * has changed. */
bool hops_renew(struct hops *h, bool ways);
/* What workers have looked up in that snapshot since this was asked last was used now. */
void hops_used(struct hops *h, struct snapshot *s, uint64_t now_ns);
/* Ask the kernel to confirm the neighbours that it is no longer sure of, of those in use since. */
void hops_confirm(struct hops *h, uint64_t since_ns);
/* How many workers are to know of, and these, into a snapshot. */
unsigned hops_known(const struct hops *h);
void hops_fill(const struct hops *h, struct snapshot *s);
/* The next one, from *at on (0 at first), that nobody has answered for, used since then; NULL: no more. */
const struct hop *hops_silent(const struct hops *h, uint64_t since_ns, uint32_t *at);
void hops_fini(struct hops *h);
