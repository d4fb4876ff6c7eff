/* Addresses that are not the host's own, for whose TCP ports its stack is to answer all the same, for the proxy listens
 * there: policy rules `to ADDRESS ipproto tcp dport PORT`, and one for ICMP, whose errors say what a path bears, lead
 * to a table of the instance's own with a local route for everything. So does a rule for what guard rules have marked
 * (GUARD_MARK), where the proxy speaks to servers with clients' addresses. `ip addr` shows none of it. */
#pragma once

#include "runtime/host/guard/guard.h"

enum { HERE_PROTOCOL = 0x70 }; /* of the rules, as `ip rule` shows it: by it others know that they are ours */

/* Of the matches those of the proxy (enum guard_proxied) that name an address, in place of what was. An address that is
 * the host's own as well is harmless: the kernel looks in its own table first. Recorded in s; state_undo takes them
 * away. 0, or a negative errno with one line in err. */
int here_set(struct state *s, const char *instance, const struct guard_match *all, unsigned count, char *err,
             size_t err_len);
