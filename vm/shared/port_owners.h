/* Owners of the ports (or identifiers) that flows are translated to: one table for all workers, in memory that
 * programs in the kernel can map, changed by atomics without a lock.
 *
 * A port that no flow has belongs to the worker of its slice: slices take blocks of 64 ports in turn, so that every
 * range has a share of each. Where a worker's slice has none left, it takes ports of others' slices that nobody has.
 * Then the table says whose they are until the last of its flows has ended. A worker may give one port to several
 * flows, which go to different ends; so their number is kept. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    PORT_OWNERS = 65536,
    PORT_OWNER_SHIFT = 24, /* above: the worker, plus 1; below: number of flows and mappings that hold the port */
};

struct port_owners {
    uint32_t of[PORT_OWNERS]; /* atomic; 0: nobody has it */
};

/* Return the worker in whose slice a port is. */
static inline unsigned port_slice(uint16_t port, unsigned workers) { return workers > 1 ? port / 64u % workers : 0; }

/* Return the worker that gets packets of a port, by the port's entry in the table. */
static inline unsigned port_owner(uint32_t entry, uint16_t port, unsigned workers)
{
    const unsigned owner = (entry >> PORT_OWNER_SHIFT) - 1;
    return entry && owner < workers ? owner : port_slice(port, workers);
}

static inline uint32_t port_entry(const struct port_owners *o, uint16_t port)
{
    return __atomic_load_n(&o->of[port], __ATOMIC_RELAXED);
}

/* Hold a port for a worker once more; false: another worker has it. */
bool port_owners_hold(struct port_owners *o, uint16_t port, unsigned worker);
/* Undo one port_owners_hold. */
void port_owners_drop(struct port_owners *o, uint16_t port);
