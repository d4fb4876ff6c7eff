/* The limit of enforcement in user space: on a plain interface the host stack gets each frame, too, so that some
 * verdicts are only watched. */
#pragma once

#include "runtime/exchange/snapshot.h"
#include "runtime/host/host.h"
#include "vm/vm.h"

/* Find the first place of the program that may drop or reject a frame to or from the host, and write it as
 * "edge.prey:12". self: the host's addresses. forwards: also count frames that the host would forward. False: none. */
bool watched_place(const struct program *p, const struct host_self *self, bool forwards, char *buf, size_t len);

/* True if the host stack gets the dropped or rejected packet anyway. Parses the packet again. forwards: the host
 * stack forwards packets that are not its own. */
bool watched(const struct program *p, const struct snapshot *s, const struct verdict *v, struct pkt *pkt,
             bool forwards);

static inline void watched_count(struct counter *c, uint32_t bytes)
{
    c->packets++;
    c->bytes += bytes;
}
