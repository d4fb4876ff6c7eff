/* What a fragment says of itself, and the VLAN stack it came with: read again from the bytes, for those few who ask. */
#pragma once

#include "vm/packet/key.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/pkt.h"

struct fragment {
    uint32_t id;     /* IPv4: 16 bits */
    uint32_t offset; /* bytes, a multiple of 8 */
    uint32_t bytes;  /* of the datagram that it carries */
    bool more;
};

/* Of a parsed packet with KIND_FRAG_FIRST or KIND_FRAG_LATER, malformed or not. Where an IPv6 chain holds several
 * fragment headers, it is the first that is not atomic: the one by which a receiver begins. False if there is none. */
bool fragment_read(const struct pkt *pkt, const struct key *key, struct fragment *out);

/* The tags of a parsed packet, TPID << 16 | VID each, outermost first, those that were taken off before those in the
 * frame; returns how many. */
enum { TAGS_MOST = 16 };
unsigned tags_read(const struct pkt *pkt, uint32_t tags[TAGS_MOST]);
/* Where the frame's first type field stands; the others stand right before what they announce. */
static inline uint32_t tags_type_at(const struct pkt *pkt)
{
    switch ((enum pkt_link)pkt->link) {
    case LINK_SLL: return SLL_TYPE_AT;
    case LINK_SLL2: return SLL2_TYPE_AT;
    default: return ETHER_TYPE_AT;
    }
}
