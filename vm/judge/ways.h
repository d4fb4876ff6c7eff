/* Results of route look-ups for a packet, before the rules judge it: the interface by which a forwarded packet
 * leaves, and whether its source is reached by the interface that it came by. They are found only if the program
 * asks (PBC_ASKS_ROUTES), and stored in the view, because the key is full (key.h). */
#pragma once

#include "vm/judge/why.h"
#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/program/program.h"

/* A packet's way by the routes. */
struct way_found {
    uint16_t out;   /* 1 + the id in rules of the interface by which it leaves; 0: none */
    uint8_t kind;   /* enum route_kind: ROUTE_VIA, ROUTE_OWN, ROUTE_REFUSED or ROUTE_ASK */
    uint8_t why;    /* enum way_why: WAY_KNOWN unless kind is ROUTE_ASK */
    uint16_t iface; /* with `out`: id of its frames, as in struct facts_device */
    uint32_t mtu;   /* with `out`: largest IP packet there, by its route and its device; 0: unknown */
};
/* Find the way of the packet as if `to` were its destination, whatever the key has about forwarding, because
 * translation changes destinations before routing. Policy rules may also ask for its other fields and its incoming
 * interface. A given way (PKT_WAY_SAID), a bridge's other port, and the interface by which this machine sends a
 * packet, hold for any destination. f NULL: no facts. */
struct way_found way_find(const struct facts *f, const struct key *key, const struct pkt *pkt, const uint32_t to[4]);
/* The same for a packet that prey always forwards itself, past this machine's stack: it has no mark, and its ends
 * choose among several ways. */
struct way_found way_find_past(const struct facts *f, const struct key *key, const struct pkt *pkt,
                               const uint32_t to[4]);
/* Find leg `at` of several by which this machine's stack may send the packet, as way_find does. False: no more legs,
 * or a single one. */
bool way_leg(const struct facts *f, const struct key *key, const struct pkt *pkt, unsigned at, struct way_found *leg);
/* Return whether a leg leads back by the interface that a packet came by: the leg's ids as in struct facts_device.
 * For rules all unserved devices of a pattern are one device; two unnamed devices can't be distinguished. */
static inline enum pkt_source leg_leads_back(uint16_t iface, uint16_t as, uint16_t came)
{
    if (came != IFACE_OTHER && (iface == came || as == came)) return SOURCE_REACHED;
    if (iface == IFACE_SEVERAL) return SOURCE_UNKNOWN;
    const bool unnamed = iface == IFACE_OTHER || (iface == IFACE_NONE && as == IFACE_OTHER);
    return came == IFACE_OTHER && unnamed ? SOURCE_UNKNOWN : SOURCE_FAILED;
}

/* Return the largest IP packet, in bytes, that the interface towards the packet's source bears, by the routes; the
 * least if there are several interfaces. 0: unknown. f NULL: no facts. */
uint32_t ways_back_mtu(const struct facts *f, const struct key *key);

/* Set least[id], for each interface below count, to the largest IP packet, in bytes, that can leave there by every
 * route, because some routes have their own MTU. 0: unknown. */
void ways_least_mtus(const struct facts *f, uint32_t least[], unsigned count);

/* Return whether the way to a reply's source leads by the interface that the reply came by, as far as policy rules
 * show: the original packet may have had any mark, and any incoming interface. SOURCE_REACHED if there are no
 * routes. */
enum pkt_source ways_reply(const struct facts *f, const struct key *key, const struct pkt *pkt);

/* Set pkt->way, pkt->way_why and pkt->source (unless PKT_WAY_SAID, PKT_SOURCE_SAID), as far as the program asks; the
 * key is settled (forward/service.h), with the flow's state. The way is that of the destination as it arrives,
 * before any translation, as firewalls see it; across a bridge it is the other port. If this machine's stack chooses
 * among legs, or may do so (facts.any_leg), it is the leg by which the rules refuse the packet, else the first: so a
 * packet that is let through would be let through by each. The rules are asked without effects for that: meters
 * count as unused, sources as without flows. The source is looked up like a destination, without its own policy
 * rules (RFC 3704, 2.2); if there are several ways to it, each counts. False: something asked for is unknown: there
 * are no routes, none leads there, they cannot know (ROUTE_ASK), rules let the packet through by one leg and not by
 * another (WAY_SEVERAL), or the interface that it came by is unknown. */
bool ways_settle(const struct program *p, const struct facts *facts, const struct key *key, struct pkt *pkt);

/* True if the source is unspecified, link-local or multicast, to which no route leads. */
static inline bool ways_no_route(const struct key *key)
{
    const uint32_t first = key->src[0], all = first | key->src[1] | key->src[2] | key->src[3];
    if (!all) return true;
    if (key->kind & KIND_IP4) return first >> 28 == 0xe || first >> 16 == 0xa9fe;
    return first >> 24 == 0xff || first >> 22 == 0xfe80 >> 6;
}

/* Return the id in rules of the packet's outgoing interface; IFACE_NONE: unknown, or the packet does not leave. A
 * packet that this machine sends is parsed with the interface by which it leaves. */
static inline uint32_t pkt_way(const struct pkt *pkt, const struct key *key)
{
    if (key->kind & KIND_OUT) return key->iface;
    return key->kind & KIND_FORWARD ? (uint16_t)(pkt->way - 1) : IFACE_NONE;
}

/* Return 1 for SOURCE_FAILED, 0 for SOURCE_REACHED, and more if it is unknown. */
static inline uint32_t pkt_source_failed(const struct pkt *pkt) { return (uint32_t)pkt->source - SOURCE_REACHED; }
