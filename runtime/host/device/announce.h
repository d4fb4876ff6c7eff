/* Addresses that prey answers for are claimed, so that neighbours send to this machine from now on. */
#pragma once

#include "runtime/host/host.h"

#define ANNOUNCE_BYTES 86

/* The frame that says that the address is at that MAC: an ARP announcement (RFC 5227, 2.3) or an unsolicited neighbour
 * advertisement (RFC 4861, 7.2.6). How many bytes of it. */
size_t announce_frame(uint8_t frame[ANNOUNCE_BYTES], const struct host_addr *a, uint64_t mac);

/* Say by that interface that the address is at its MAC. 0, or a negative errno: -EADDRNOTAVAIL for one that is nobody's
 * own (multicast, loopback, unspecified). Needs CAP_NET_RAW. */
int announce(unsigned ifindex, const struct host_addr *a);
