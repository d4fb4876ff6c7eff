/* The maximum segment size that a SYN announces, limited to what the way carries. */
#pragma once

#include "vm/packet/key.h"
#include "vm/packet/pkt.h"

/* Lower the MSS option of a SYN or SYN+ACK, well formed and in a slot, to at most `most`; never raise it. An option
 * with an impossible length ends the search. A missing option is not added, since its absence means mss_default. True
 * if something changed. */
bool mss_clamp(struct pkt *pkt, const struct key *key, uint16_t most);

/* Return the MSS of a host that announces none (RFC 9293, 3.7.1). */
static inline uint16_t mss_default(bool v6) { return v6 ? 1220 : 536; }
/* Return the largest MSS whose segments fit this MTU without options: 40 less, for IPv6 60 (RFC 6691, 2). */
uint16_t mss_of_mtu(uint32_t mtu, bool v6);
