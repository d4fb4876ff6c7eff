/* All of the kernel's routes as one table for lookups by packet (vm/judge/routes.h) */
#pragma once

#include "runtime/host/host.h"
#include "vm/judge/routes.h"

struct served_ports {
    const unsigned *ifindex; /* one for each served port */
    unsigned count;
};
/* Read all routes and rules of the kernel into a table, which the caller owns. A lookup gives the kernel's route for
 * a packet. If that depends on facts that prey can't see, or the kernel has more than `most` routes (not counting
 * those to this machine itself), it gives ROUTE_ASK; then call host_route. *count: number of the kernel's routes.
 * Return 0 or a negative errno. */
int host_routes(struct host *h, const struct served_ports *ports, uint32_t most, struct routes **table,
                uint32_t *count);
