/* What user space can enforce on a plain interface, and what it only watches, since the host's stack gets each frame,
 * too. */
#pragma once

#include "runtime/exchange/snapshot.h"
#include "runtime/host/host.h"
#include "vm/vm.h"

/* The first place of the program where a frame to or from the host itself, whose addresses those are, or (forwards) one
 * that it would send on, may be dropped or rejected: "edge.prey:12", into buf. False: there is none. */
bool watched_place(const struct program *p, const struct host_self *self, bool forwards, char *buf, size_t len);

/* A dropped or rejected packet that the host's stack gets all the same. It is parsed again. forwards: that stack sends
 * on what is not its own. */
bool watched(const struct program *p, const struct snapshot *s, const struct verdict *v, struct pkt *pkt,
             bool forwards);

static inline void watched_count(struct counter *c, uint32_t bytes)
{
    c->packets++;
    c->bytes += bytes;
}
