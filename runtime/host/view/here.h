/* Foreign addresses at whose TCP ports the host's stack must accept connections, because the proxy listens there.
 * Policy rules `to ADDRESS ipproto tcp dport PORT`, and one for ICMP, for errors about the path MTU, lead to a table
 * of the instance with a local route for everything. So does a rule for packets marked by guard rules (GUARD_MARK),
 * if the proxy uses clients' addresses to servers. `ip addr` shows none of this. */
#pragma once

#include "runtime/host/guard/guard.h"

enum { HERE_PROTOCOL = 0x70 }; /* in `ip rule`: marks rules as prey's */

/* Set rules for the proxy's matches (enum guard_proxied) that name an address, in place of the former rules. The
 * host's own addresses are harmless, because the kernel looks in its own table first. The rules are recorded in s;
 * state_undo removes them. Return 0, or a negative errno with one line in err. */
int here_set(struct state *s, const char *instance, const struct guard_match *all, unsigned count, char *err,
             size_t err_len);
