/* Addresses that prey answers for are claimed, so that neighbours send to this machine from now on. */
#pragma once

#include "runtime/host/host.h"

#define ANNOUNCE_BYTES 86

/* Say by that interface that the address is at its MAC. 0, or a negative errno: -EADDRNOTAVAIL for one that is nobody's
 * own (multicast, loopback, unspecified). Needs CAP_NET_RAW. */
int announce(unsigned ifindex, const struct host_addr *a);
