/* The maximum segment size that a SYN announces, kept to what the way bears. */
#pragma once

#include "vm/packet/key.h"
#include "vm/packet/pkt.h"

/* Lower the MSS option of a SYN or SYN+ACK, in a slot and well formed, to at most `most`; never raise it. Options that
 * lie about their length end the search; one that is not there is not added, since its absence means 536 (IPv6: 1,220;
 * RFC 9293, 3.7.1). True where something changed. */
bool mss_clamp(struct pkt *pkt, const struct key *key, uint16_t most);

/* The largest MSS whose segments fit this MTU without options: less 40, IPv6: 60 (RFC 6691, 2). */
uint16_t mss_of_mtu(uint32_t mtu, bool v6);
