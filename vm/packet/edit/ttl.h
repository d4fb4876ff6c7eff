/* One hop of a routed packet. */
#pragma once

#include "vm/packet/key.h"
#include "vm/packet/pkt.h"

/* TTL or hop limit less one, IPv4's checksum with it (RFC 1812, 5.3.1; RFC 8200, 3). The packet is in a slot and well
 * formed. False, and nothing changed, where it has none left for another hop (1 or 0) or is not IP: the sender is told
 * (build_time_exceeded). */
bool ttl_decrement(struct pkt *pkt, const struct key *key);
