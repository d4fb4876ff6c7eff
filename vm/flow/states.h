/* What `state` can say of a packet by its header alone (README.md): a SYN without ACK is new, only errors are related,
 * UDP is never invalid. The tracker says one of these; the compiler and the frames drawn from rules rely on it. Where
 * the texts leave a choice this says "can be". */
#pragma once

#include "vm/packet/key.h"
#include "vm/pbc.h"

/* Of a whole IP packet or a first fragment, as MARK_NEW .. MARK_INVALID. proto: after the IPv6 chain; flags: of TCP;
 * type: of ICMP; picks_up: TCP without a SYN may open a flow. */
uint32_t flow_states(uint8_t proto, bool v6, uint32_t flags, uint32_t type, bool picks_up);
/* Of any packet of the protocol. */
uint32_t flow_states_of_protocol(uint8_t proto, bool v6);
/* Can TCP without a SYN be new? settings: NULL where the program has none. */
bool flow_picks_up(const struct pbc_settings *settings);
/* How long after the start it is, in ns: as the file sets it, else not at all, but 60 s where `live`, so that a start
 * freezes no connection that is open. */
uint64_t flow_pickup_ns(const struct pbc_settings *settings, bool live);
