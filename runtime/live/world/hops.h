/* The main thread's list of the next hops that workers request: neighbours and ways. They are resolved through the
 * host's view, and again whenever that changes. In a full list the least recently used entry gives way; entries for
 * prey's own packets outlast those for forwarded packets. */
#pragma once

#include "runtime/exchange/snapshot.h"
#include "runtime/host/host.h"
#include "runtime/parent/ask.h"
#include "vm/keyed/keyed.h"

enum { HOPS_MOST = 16384 };

struct hops {
    struct host *host;
    struct channel *channel; /* channel for requests to resolve neighbours */
    const unsigned *ifindex; /* interface numbers of the ports */
    unsigned port_count;
    const uint32_t *bare; /* bit i: port i has no Ethernet, so its neighbours have no MAC addresses; NULL: none */
    struct keyed all;     /* struct wanted (hops.c); each word: own or forwarding use, and its last time */
    uint64_t moved;       /* number of times that a known hop has changed */
};

/* Make an empty list; the fields above must be set. False: out of memory. */
bool hops_init(struct hops *h, uint64_t seed);
/* Add a next hop, or note its use. An unanswered hop is asked about at most ten times per second. True: the workers'
 * view has changed. */
bool hops_want(struct hops *h, const struct hop_ask *ask, uint64_t now_ns);
/* Resolve all hops again. ways false: only neighbours have changed, so the kernel is not asked for routes. True: a
 * hop has changed. */
bool hops_renew(struct hops *h, bool ways);
/* Mark the hops that workers have looked up in the snapshot since the last call as used now. */
void hops_used(struct hops *h, struct snapshot *s, uint64_t now_ns);
/* Ask the kernel to confirm neighbours in use since `since_ns` whose state is uncertain. */
void hops_confirm(struct hops *h, uint64_t since_ns);
/* Return the number of hops that workers see. Add these to a snapshot (second function). */
unsigned hops_known(const struct hops *h);
void hops_fill(const struct hops *h, struct snapshot *s);
/* Return the next unanswered hop from *at on (0 at first) that was used since `since_ns`; NULL: no more. */
const struct hop *hops_silent(const struct hops *h, uint64_t since_ns, uint32_t *at);
/* Write the requested hops, or read them (vm/keyed/archive.h). The input is hostile; hops that were read are
 * requested and resolved here, so that packets of another process's flows need not wait. */
struct archive;
void hops_archive(struct hops *h, struct archive *a, uint64_t now_ns);
void hops_fini(struct hops *h);
