/* Fields of a fragment, and VLAN stack of a packet: read again from the bytes, for the few callers that need them. */
#pragma once

#include "vm/packet/key.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/pkt.h"

struct fragment {
    uint32_t id;     /* IPv4: 16 bits */
    uint32_t offset; /* bytes, a multiple of 8 */
    uint32_t bytes;  /* bytes of the datagram that it carries */
    bool more;
};

/* Read a parsed packet with KIND_FRAG_FIRST or KIND_FRAG_LATER, malformed or not. An IPv6 chain may hold several
 * fragment headers. The first that is not atomic counts, because receivers begin there. False if there is none. */
bool fragment_read(const struct pkt *pkt, const struct key *key, struct fragment *out);

/* Read the tags of a parsed packet, TPID << 16 | VID each, outermost first: those that were taken off, then those in
 * the frame. Return their number. */
enum { TAGS_MOST = 16 };
unsigned tags_read(const struct pkt *pkt, uint32_t tags[TAGS_MOST]);
/* Return the place of the frame's first type field; each of the others is right before the header that it announces. */
static inline uint32_t tags_type_at(const struct pkt *pkt)
{
    switch ((enum pkt_link)pkt->link) {
    case LINK_SLL: return SLL_TYPE_AT;
    case LINK_SLL2: return SLL2_TYPE_AT;
    default: return ETHER_TYPE_AT;
    }
}
