/* All routes of the kernel's as one table that packets are looked up in (vm/judge/routes.h). */
#pragma once

#include "runtime/host/host.h"
#include "vm/judge/routes.h"

struct served_ports {
    const unsigned *ifindex; /* of each port that is served */
    unsigned count;
};
/* Ask the kernel for all its routes and rules. What the table says is what the kernel would for a packet without a
 * mark; where that hangs on more than addresses and the way in, and where the kernel has more than `most` routes (not
 * counting those to this machine itself), it says ROUTE_ASK, and host_route is to be asked. *count: how many the kernel
 * has. 0 or a negative errno. The table is the caller's. */
int host_routes(struct host *h, const struct served_ports *ports, uint32_t most, struct routes **table,
                uint32_t *count);
