/* Test of headers for packets of forwarded flows that may go the express way, for both executors */
#pragma once

#include "vm/packet/edit/recipe.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/packet/wire.h"

/* True for TCP or UDP with ports, in one piece. */
static inline bool ordinary_ports(const struct key *key)
{
    const uint32_t needs = KIND_FRAG_NO | KIND_PORTS;
    return (key->kind & needs) == needs && key->kind & (KIND_TCP | KIND_UDP);
}

static inline bool ordinary_station(const uint8_t mac[6])
{
    return !(mac[0] & 1) && (wire_raw32(mac) | wire_raw32(mac + 2));
}

/* True for TCP of data or ACK only, or UDP, in one piece, without IPv4 options. whole: all of the frame is there. */
static inline bool ordinary_headers(const struct pkt *pkt, const struct key *key, bool whole)
{
    const uint32_t needs = KIND_FRAG_NO | KIND_PORTS, flags = TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK;
    static_assert(KIND_TCP << 1 == TCP_ACK, "a TCP packet's ACK");
    if ((key->kind & (needs | KIND_OPTIONS)) != needs || !(key->kind & (KIND_TCP | KIND_UDP))) return false;
    return !(pkt->flags & PKT_FOUND) && whole && (key->marks & flags) == (key->kind & KIND_TCP) << 1;
}

/* True for a packet with headers at fixed places and a hop left: an Ethernet frame to one station (frame: its first
 * bytes), or a bare IP packet (frame: NULL). */
static inline bool ordinary_frame(const struct pkt *pkt, const struct key *key, const uint8_t *frame)
{
    const enum pkt_link link = frame ? LINK_ETHER : LINK_RAW;
    return !(pkt->ext_headers | (pkt->link ^ link)) && key->ttl > 1 && (!frame || ordinary_station(frame));
}

/* True if the packet comes from where replies go. frame: as above. */
static inline bool recipe_heard(const struct recipe *r, const uint8_t *frame, uint16_t iface)
{
    const uint8_t *b = r->heard_mac;
    if (!frame) return iface == r->heard_if;
    const uint8_t *a = frame + 6;
    return !((wire_raw32(a) ^ wire_raw32(b)) | (wire_raw32(a + 2) ^ wire_raw32(b + 2)) | (iface ^ r->heard_if));
}

/* True if only the MTU of the outgoing interface limits packets that leave by the recipe. All others are limited by
 * the least MTU of all ways: a router on the way to a server may carry less, and a tunnel adds its headers. */
static inline bool recipe_fits_way(const struct recipe *r, uint8_t kind, bool reply)
{
    return (kind & ~(uint32_t)RECIPE_IP6) == RECIPE_REWRITE && r->out_if != IFACE_NONE &&
           (reply || r->service == RECIPE_NAT);
}

/* True if a packet may leave by its flow's recipe, of that kind. length: bytes of its IP packet. reply: it comes
 * from the side of the flow's twin. frame: as above. longest: bytes of the longest IP packet that may leave by it. */
static inline bool recipe_takes(const struct recipe *r, uint8_t kind, const struct pkt *pkt, uint32_t length,
                                const uint8_t *frame, bool reply, uint32_t longest)
{
    if (pkt_longest(pkt, length) > longest) return false;
    if (!reply && !recipe_heard(r, frame, pkt->iface)) return false;
    /* Neither partial checksums nor bare packets are put into tunnels. */
    return !((pkt->flags & PKT_CSUM_PARTIAL || !frame) && recipe_overhead(kind));
}

/* True if the way of a packet that leaves by the recipe is looked up with the source that it came with (struct
 * tx_entry): a reply, or a packet that a nat translates. For a packet to a server it is the source with which it
 * leaves. */
static inline bool ordinary_asks_source(const struct recipe *r, bool reply)
{
    return reply || r->service == RECIPE_NAT;
}
