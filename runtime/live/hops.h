/* The main thread's list of next hops that workers asked for: resolved through the host's view of routes and
 * neighbours, and again whenever that changes. */
#ifndef RUNTIME_LIVE_HOPS_H
#define RUNTIME_LIVE_HOPS_H

#include "runtime/host/host.h"
#include "runtime/parent/ask.h"
#include "runtime/worker/snapshot.h"

enum { HOPS_MOST = 16384 };

struct hops {
    struct host *host;
    struct channel *channel; /* neighbours are asked for by it */
    const unsigned *ifindex; /* of the ports */
    unsigned port_count;
    struct hop *all;
    unsigned count, cap;
};

/* A hop that is wanted from now on. True: the list has changed. With HOPS_MOST of them the oldest half is forgotten:
 * whoever is still needed is asked for again. */
bool hops_want(struct hops *h, const struct hop_key *key);
/* Resolve all again. True: something has changed. */
bool hops_renew(struct hops *h);
/* Ask the kernel to confirm the neighbours that it is no longer sure of. */
void hops_confirm(struct hops *h);
void hops_fini(struct hops *h);

#endif
