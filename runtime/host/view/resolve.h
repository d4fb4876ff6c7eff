/* Neighbour resolution by the kernel. Separate from struct host, because only this needs privileges. */
#pragma once

#include "runtime/host/host.h"

struct resolver;

/* Open a socket in the caller's network namespace. NULL: refused, or out of memory (errno). */
struct resolver *resolver_new(void);
void resolver_free(struct resolver *r);

/* Make the kernel find, or confirm, the neighbour with that address, as for a packet to it. The result arrives as a
 * notification to struct host (NUD_FAILED: no reply). Return 0 or a negative errno. Needs CAP_NET_ADMIN. */
int resolver_ask(struct resolver *r, unsigned ifindex, const struct host_addr *addr);
