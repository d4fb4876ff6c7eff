/* The careful parser: one function a protocol, each checking every length in the order of docs/semantics.md. It
 * serves every frame; quick.h only overtakes it for ordinary ones and must give the same result.
 *
 * Two ends matter. Whether a header is *short* is asked of the bytes on the wire (or of the IP packet they belong to);
 * whether it can be *read*, of the captured ones. parse_need answers both, for a whole header. What is read of it is
 * another question: bytes are named by their index in the frame, and only parse_at and its like turn one into an
 * address, so an executor whose verifier wants a check beside each read puts it there. */
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
    const struct facts *facts; /* may be NULL: no own addresses, wrong checksums are no drop */
    const uint8_t *data;
    uint32_t head, cap;  /* bytes that may be read here; bytes captured at all */
    uint32_t end;        /* one past the frame on the wire; from parse_ip4 and parse_ip6 on, past the IP packet */
    bool first_fragment; /* what needs the whole datagram is not asked */
    bool to_group;       /* the link says broadcast or multicast */
};

/* What of the packet may be read. */
static inline void parse_bounds(struct parse *p)
{
    p->cap = least_len(p->pkt->cap_len, p->pkt->wire_len);
    p->head = least_len(p->pkt->head_len, p->cap);
}

/* Why the bytes up to `upto` may not be read. */
enum pkt_reason parse_lacks(struct parse *p, uint32_t upto, enum pkt_reason short_reason);

/* May they? `short_reason` when the frame (the packet) ends before; REASON_SNAPPED when only the capture does, with
 * PKT_NOT_LINEAR if they stand in a segment. */
static inline enum pkt_reason parse_need(struct parse *p, uint32_t upto, enum pkt_reason short_reason)
{
    return __builtin_expect(upto <= p->end && upto <= p->head, 1) ? REASON_NONE : parse_lacks(p, upto, short_reason);
}

/* The byte at an index, and numbers from there on, which parse_need has allowed. */
static inline uint8_t parse_at(const struct parse *p, uint32_t i) { return p->data[WITHIN(i)]; }
static inline uint16_t parse_at16(const struct parse *p, uint32_t i) { return wire_get16(p->data + WITHIN(i)); }
static inline uint32_t parse_at32(const struct parse *p, uint32_t i) { return wire_get32(p->data + WITHIN(i)); }

/* Each parses from `at` on and returns the first fault. */
enum pkt_reason parse_link(struct parse *p);
enum pkt_reason parse_arp(struct parse *p, uint32_t at);
enum pkt_reason parse_ip4(struct parse *p, uint32_t at);
enum pkt_reason parse_ip6(struct parse *p, uint32_t at);
enum pkt_reason parse_tcp(struct parse *p, uint32_t at);
enum pkt_reason parse_udp(struct parse *p, uint32_t at);
enum pkt_reason parse_sctp(struct parse *p, uint32_t at);
enum pkt_reason parse_icmp(struct parse *p, uint32_t at);

/* The layer after IP of a packet that is no later fragment; proto and its KIND bits are set already. */
enum pkt_reason parse_l4(struct parse *p, uint32_t at);

/* The bit of key.kind of that protocol in the families of `kind`; 0: its headers are not read. */
uint32_t parse_upper(uint32_t kind, uint8_t proto);
/* Set key.proto and the KIND bits that go with it in that family (KIND_IP4 or KIND_IP6). */
void parse_set_proto(struct parse *p, uint8_t proto);

/* A fragment's offset (bytes) and payload: REASON_BAD_FRAGMENT, REASON_TINY_FRAGMENT or none. proto: -1 if not known.
 */
enum pkt_reason parse_fragment(uint32_t offset, bool more, uint32_t bytes, int proto);

/* Does this type open a VLAN tag? */
static inline bool ether_is_tag(uint16_t type)
{
    return type == ETHER_VLAN || type == ETHER_QINQ || type == ETHER_QINQ_OLD;
}

/* pkt_parse without the quick way. */
enum pkt_reason parse_frame(struct pkt *pkt, const struct facts *facts, struct key *key);
