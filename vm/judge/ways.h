/* What routes say of a packet before the rules judge it: by which interface one that crosses this machine leaves, and
 * whether its source would be reached by the interface that it came by. It is asked for where the program does
 * (PBC_ASKS_ROUTES), and stands in the view: the key is full (key.h). */
#pragma once

#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/pbc.h"

/* Fill in pkt->way and pkt->source (unless PKT_WAY_SAID, PKT_SOURCE_SAID), as `flags`, a program's meta.flags, ask; the
 * key is settled (forward/service.h). The way is that of the destination as it arrives, before any translation, as
 * firewalls see it; across a bridge it is the other port. The source is looked up as a destination is, without policy
 * rules of its own (RFC 3704, 2.2); of several ways to it each is one. Returns false where something that is asked for
 * is not known: there are no routes, or they cannot say (ROUTE_ASK), or the interface that it came by is not known. */
bool ways_settle(uint32_t flags, const struct facts *facts, const struct key *key, struct pkt *pkt);

/* Is its source unspecified, of one link, or a group? No route leads to whoever sends from there. */
static inline bool ways_no_route(const struct key *key)
{
    const uint32_t first = key->src[0], all = first | key->src[1] | key->src[2] | key->src[3];
    if (!all) return true;
    if (key->kind & KIND_IP4) return first >> 28 == 0xe || first >> 16 == 0xa9fe;
    return first >> 24 == 0xff || first >> 22 == 0xfe80 >> 6;
}

/* The interface that the packet leaves by, as rules know it; IFACE_NONE: not known, or it does not leave. What this
 * machine sends is parsed with the one that it leaves by. */
static inline uint32_t pkt_way(const struct pkt *pkt, const struct key *key)
{
    if (key->kind & KIND_OUT) return key->iface;
    return key->kind & KIND_FORWARD ? (uint16_t)(pkt->way - 1) : IFACE_NONE;
}

/* 1: SOURCE_FAILED, 0: SOURCE_REACHED; more than 1: not known. */
static inline uint32_t pkt_source_failed(const struct pkt *pkt) { return (uint32_t)pkt->source - SOURCE_REACHED; }
