/* Flows at another worker than their port's. After a takeover by another number of workers (worker/move.c), flows of
 * several workers may share one port, each with other peers. The port's entry then names no worker
 * (vm/shared/shared.h), but a packet's ends do.
 *
 * The main thread makes the guests while no worker judges, and all workers read them. They never change, so ended
 * flows stay listed. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/keyed/archive.h"

struct guests;

struct guest {
    uint32_t own[4], other[4]; /* the address to which flows are translated, and the peer; as in struct key */
    uint16_t port, other_port; /* ports of `own` and `other`; queries: both the identifier */
    uint8_t proto, v6;         /* enum role_proto; 0 or 1 */
    uint8_t any;               /* 1: for every peer not named elsewhere; `other` is 0 */
    uint8_t worker;
};

struct guests *guests_new(uint64_t seed); /* NULL: out of memory */
struct guests *guests_get(struct guests *g);
void guests_put(struct guests *g); /* frees it with the last reference; NULL is allowed */
/* Add a guest, unless one with its ends is there. False: out of memory. */
bool guests_add(struct guests *g, const struct guest *one);
uint32_t guests_count(const struct guests *g);
/* Return the worker that has those ends, whose `worker` and `any` are ignored; negative: none. */
int guests_find(const struct guests *g, const struct guest *ends);
/* Write all guests, or read them into new ones. The input is hostile; workers: greatest number of a worker, plus 1. */
bool guests_archive(struct guests *g, struct archive *a, unsigned workers);
