/* Dealing out frames to the workers that own them: the program of a fanout group (deal.bpf.c), and its tables. Who has
 * the right loads it and puts it on groups; whoever knows the world fills the tables, in memory that both map. */
#pragma once

#include "vm/packet/facts.h"
#include "vm/worker/owner.h"

struct deal;
struct deal_tables;

/* Load it; all groups may share it. NULL: the kernel, this process's rights or the build do not allow it: then frames
 * are dealt out by their hash. */
struct deal *deal_open(void);
void deal_close(struct deal *d);
/* On the group that the socket has joined as its first. 0 or a negative errno. */
int deal_join(const struct deal *d, int socket);
/* A descriptor of the tables' memory, the caller's; -1: none. */
int deal_memory(const struct deal *d);

/* The tables, mapped; the descriptor is closed. NULL: they can't be. */
struct deal_tables *deal_map(int memory);
void deal_unmap(struct deal_tables *t);

struct deal_world {
    const struct owners *owners;
    const struct facts *facts;
    const unsigned *ifindex; /* [ports] */
    const uint16_t *iface;   /* [ports] their ids in the program */
    unsigned ports;
};
/* What holds from now on. False: it does not fit, or tunnels are opened: frames are dealt out by their hash. */
bool deal_fill(struct deal_tables *t, const struct deal_world *w);
