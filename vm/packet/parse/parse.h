/* The careful parser: one function per protocol, each checking every length in the order of docs/semantics.md. It
 * takes every frame; express.h only replaces it for ordinary ones, and must give the same result.
 *
 * Two ends matter. A header is *short* by the bytes on the wire (or of its IP packet); it can be *read* if its bytes
 * were captured. parse_need checks both for a complete header. Bytes are named by their index in the frame, and only
 * parse_at, parse_at16 and parse_at32 turn an index into an address, so an executor whose verifier wants a check
 * beside each read puts it there. */
#pragma once

#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/packet/loop.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/pkt.h"
#include "vm/packet/wire.h"

struct parse {
    struct pkt *pkt;
    struct key *key;
    const struct facts *facts; /* may be NULL: no own addresses, and a wrong checksum does not drop a packet */
    const uint8_t *data;
    uint32_t head, cap;  /* bytes that may be read here; bytes captured */
    uint32_t end;        /* one past the frame on the wire; from parse_ip4 and parse_ip6 on, past the IP packet */
    bool first_fragment; /* checks that need the whole datagram are skipped */
    bool to_group;       /* the frame is broadcast or multicast by its link header */
};

/* Set the bounds of the bytes that may be read. */
static inline void parse_bounds(struct parse *p)
{
    p->cap = least_len(p->pkt->cap_len, p->pkt->wire_len);
    p->head = least_len(p->pkt->head_len, p->cap);
}

/* Return the reason why the bytes up to `upto` may not be read. */
enum pkt_reason parse_lacks(struct parse *p, uint32_t upto, enum pkt_reason short_reason);

/* Check that the bytes up to `upto` may be read. Return `short_reason` if the frame (the packet) ends before, or
 * REASON_SNAPPED if only the capture does, or, with PKT_NOT_LINEAR, if they are in a segment. */
static inline enum pkt_reason parse_need(struct parse *p, uint32_t upto, enum pkt_reason short_reason)
{
    return __builtin_expect(upto <= p->end && upto <= p->head, 1) ? REASON_NONE : parse_lacks(p, upto, short_reason);
}

/* Return the byte at an index, or a number from there on; parse_need has allowed the read. */
static inline uint8_t parse_at(const struct parse *p, uint32_t i) { return p->data[WITHIN(i)]; }
static inline uint16_t parse_at16(const struct parse *p, uint32_t i) { return wire_get16(p->data + WITHIN(i)); }
static inline uint32_t parse_at32(const struct parse *p, uint32_t i) { return wire_get32(p->data + WITHIN(i)); }

/* Parse one layer from `at` on. Return its first fault. */
enum pkt_reason parse_link(struct parse *p);
enum pkt_reason parse_arp(struct parse *p, uint32_t at);
enum pkt_reason parse_ip4(struct parse *p, uint32_t at);
enum pkt_reason parse_ip6(struct parse *p, uint32_t at);
enum pkt_reason parse_tcp(struct parse *p, uint32_t at);
enum pkt_reason parse_udp(struct parse *p, uint32_t at);
enum pkt_reason parse_sctp(struct parse *p, uint32_t at);
enum pkt_reason parse_icmp(struct parse *p, uint32_t at);

/* Parse the layer after IP of a packet that is not a later fragment; proto and its KIND bits are set. */
enum pkt_reason parse_l4(struct parse *p, uint32_t at);

/* Return the bit of key.kind for that protocol in the families of `kind`; 0: its headers are not read. */
uint32_t parse_upper(uint32_t kind, uint8_t proto);
/* Set key.proto and its KIND bits in that family (KIND_IP4 or KIND_IP6). */
void parse_set_proto(struct parse *p, uint8_t proto);

/* Check a fragment's offset (bytes) and payload: REASON_BAD_FRAGMENT, REASON_TINY_FRAGMENT or none. proto: -1 if
 * unknown. */
enum pkt_reason parse_fragment(uint32_t offset, bool more, uint32_t bytes, int proto);

/* True if this type opens a VLAN tag. */
static inline bool ether_is_tag(uint16_t type)
{
    return type == ETHER_VLAN || type == ETHER_QINQ || type == ETHER_QINQ_OLD;
}

/* Parse as pkt_parse does, without the express parser. */
enum pkt_reason parse_frame(struct pkt *pkt, const struct facts *facts, struct key *key);
