/* A recipe: what happens to each ordinary packet of one direction of a flow that is sent on, found out once
 * (ARCHITECTURE.md, Life of a packet). Plain words, no pointers, one line: an executor in a kernel applies the same.
 *
 * New addresses and ports, and by how much they change the sums: of the IPv4 header, and of TCP or UDP with its pseudo
 * header (RFC 1624, eqn. 3). The packet takes one hop. A sum that was wrong stays wrong by as much. */
#ifndef VM_PACKET_EDIT_RECIPE_H
#define VM_PACKET_EDIT_RECIPE_H

#include <assert.h>

#include "vm/packet/edit/translate.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

enum recipe_kind {
    RECIPE_NONE,
    RECIPE_REWRITE, /* addresses, ports, one hop */
    RECIPE_FRAME,   /* nothing but the frame's MAC addresses */
    RECIPE_IPIP,    /* one hop, and into a tunnel from src to dst */
    RECIPE_GUE,     /* the same, to UDP port dst_port */
    RECIPE_KINDS,
    RECIPE_IP6 = 0x80, /* with it: the family of dst is IPv6, else IPv4 */
};

struct recipe {
    uint32_t src[4], dst[4]; /* as in struct key. dst is the next hop, too */
    uint16_t src_port, dst_port;
    uint16_t l3_delta, l4_delta; /* added to the complement of the sum; 0: it stays as it is */
    uint32_t generation;         /* of the facts that it was made by */
    uint16_t server, service;    /* service RECIPE_NAT: server is the index of the nat's statement */
    uint8_t next_mac[6];         /* of the next hop; 0: to be resolved */
    uint16_t out_if;             /* IFACE_NONE: the one that the packet came from */
    uint8_t heard_mac[6]; /* original direction: where the opener was last heard from. Another packet than from there
                             moves */
    uint16_t heard_if;    /* its replies */
};
static_assert(sizeof(struct recipe) == 64, "one line");
enum { RECIPE_NAT = UINT16_MAX };

/* Fill in addresses, ports and differences: of a TCP or UDP packet with that key, which is translated so. */
void recipe_differ(struct recipe *r, const struct key *key, const struct translation *to);

/* The sum after a change: RFC 1624 in 16 bits; delta: of at most three terms. */
static inline uint16_t recipe_sum(uint16_t sum, uint32_t delta)
{
    uint32_t s = (uint16_t)~sum + delta;
    s = (s & UINT16_MAX) + (s >> 16);
    return (uint16_t) ~(s + (s >> 16));
}

/* The headers of an ordinary packet, which are all there; its TTL is above 1. ip, l4: where they begin. */
static inline void recipe_ip4(uint8_t *ip, const struct recipe *r)
{
    enum { ONE_HOP = 1 << 8, HOP_DELTA = UINT16_MAX - ONE_HOP };
    wire_put16(ip + IP4_TTL, (uint16_t)(wire_get16(ip + IP4_TTL) - ONE_HOP));
    wire_put16(ip + IP4_SUM, recipe_sum(wire_get16(ip + IP4_SUM), HOP_DELTA + (uint32_t)r->l3_delta));
    wire_put32(ip + IP4_SRC, r->src[0]);
    wire_put32(ip + IP4_DST, r->dst[0]);
}

static inline void recipe_ip6(uint8_t *ip, const struct recipe *r)
{
    ip[IP6_HOPS]--;
    for (unsigned i = 0; i < 4; i++) {
        wire_put32(ip + IP6_SRC + 4 * i, r->src[i]);
        wire_put32(ip + IP6_DST + 4 * i, r->dst[i]);
    }
}

static inline void recipe_ports(uint8_t *l4, const struct recipe *r)
{
    wire_put32(l4, (uint32_t)r->src_port << 16 | r->dst_port);
}

static inline void recipe_tcp(uint8_t *l4, const struct recipe *r)
{
    recipe_ports(l4, r);
    wire_put16(l4 + TCP_SUM, recipe_sum(wire_get16(l4 + TCP_SUM), r->l4_delta));
}

/* 0 says that there is no sum, and stays; a computed 0 is 0xffff (RFC 768). */
static inline void recipe_udp(uint8_t *l4, const struct recipe *r)
{
    const uint16_t from = wire_get16(l4 + UDP_SUM), sum = recipe_sum(from, r->l4_delta);
    recipe_ports(l4, r);
    if (from) wire_put16(l4 + UDP_SUM, sum ? sum : UINT16_MAX);
}

#endif
