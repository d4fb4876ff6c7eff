/* Asking the kernel who has an address. Apart from struct host, for this needs a right and that does not. */
#pragma once

#include "runtime/host/host.h"

struct resolver;

/* A socket in the caller's network namespace. NULL: it is refused, or memory is out (errno). */
struct resolver *resolver_new(void);
void resolver_free(struct resolver *r);

/* Make the kernel find out, or confirm, who has that address, as if it had a packet to send there; its answer comes as
 * a notification to struct host (NUD_FAILED: nobody answered). 0 or a negative errno. Needs CAP_NET_ADMIN. */
int resolver_ask(struct resolver *r, unsigned ifindex, const struct host_addr *addr);
