/* Announces addresses that prey answers for, so that neighbours send to this machine */
#pragma once

#include "runtime/host/host.h"

#define ANNOUNCE_BYTES 86

/* Announce on an interface that the address is at the interface's MAC address. Return 0, or a negative errno:
 * -EADDRNOTAVAIL if not unicast (multicast, loopback, unspecified). Needs CAP_NET_RAW. */
int announce(unsigned ifindex, const struct host_addr *a);
