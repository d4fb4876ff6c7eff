/* A recipe: what happens to each ordinary packet of one direction of a flow that is sent on, found out once
 * (docs/architecture.md, Recipes and remembered verdicts). Plain words, no pointers, one line: an executor in a kernel
 * applies the same.
 *
 * New addresses and ports, and by how much they change the sums: of the IPv4 header, and of TCP or UDP with its pseudo
 * header (RFC 1624, eqn. 3). The packet takes one hop. A sum that was wrong stays wrong by as much. */
#pragma once

#include <assert.h>

#include "vm/packet/edit/translate.h"
#include "vm/packet/parse/header.h"

enum recipe_kind {
    RECIPE_NONE,
    RECIPE_REWRITE, /* addresses, ports, one hop */
    RECIPE_FRAME,   /* nothing but the frame's MAC addresses */
    RECIPE_IPIP,    /* one hop, and into a tunnel from src to dst */
    RECIPE_GUE,     /* the same, to UDP port dst_port */
    RECIPE_GUE1,    /* the same, GUE of variant 1 */
    RECIPE_IP6 = 8, /* with it: the family of dst is IPv6, else IPv4 */
    RECIPE_KINDS = 16,
};

struct recipe {
    uint32_t src[4], dst[4]; /* as in struct key. dst is the next hop, too */
    uint16_t src_port, dst_port;
    uint16_t l3_delta, l4_delta; /* added to the complement of the sum; 0: it stays as it is. Of a tunnel over IPv4
                                    l3_delta is the part of the outer header's sum that is every packet's */
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
/* Fill in what else a tunnel's recipe holds: src, dst and dst_port are there. inner6: it carries IPv6. */
void recipe_outer(struct recipe *r, uint8_t kind, bool inner6);

/* Bytes that leave in front of the IP packet, by the whole kind. (Of a row of bytes in one word: a table is memory, and
 * for a program in the kernel one more map.) */
static inline uint32_t recipe_overhead(uint8_t kind)
{
    const uint64_t over4 = (uint64_t)IP4_LEN << 8 * RECIPE_IPIP |
                           (uint64_t)(IP4_LEN + UDP_LEN + GUE_LEN) << 8 * RECIPE_GUE |
                           (uint64_t)(IP4_LEN + UDP_LEN) << 8 * RECIPE_GUE1;
    const uint64_t over6 = (uint64_t)IP6_LEN << 8 * RECIPE_IPIP |
                           (uint64_t)(IP6_LEN + UDP_LEN + GUE_LEN) << 8 * RECIPE_GUE |
                           (uint64_t)(IP6_LEN + UDP_LEN) << 8 * RECIPE_GUE1;
    return (kind & RECIPE_IP6 ? over6 : over4) >> 8 * (kind & (RECIPE_IP6 - 1)) & UINT8_MAX;
}

/* Both apply it to an ordinary packet: TCP or UDP right after an IP header without options or extensions, all of it in
 * the head, in memory that may be written, its TTL above 1. The packet is its key's. */

/* RECIPE_REWRITE. ip: where the header begins. partial: its L4 checksum covers the addresses alone, so far. */
void recipe_apply(const struct recipe *r, uint32_t kind, uint8_t *ip, bool partial);

/* What makes one outer header differ from the next. */
struct recipe_numbers {
    uint32_t hash; /* of the flow, as tunnel_encap takes it */
    uint16_t id;   /* likewise */
};
/* Into a tunnel, with the same result as ttl_decrement and tunnel_encap (edit.h). kind: the recipe's. There is
 * recipe_overhead(kind) of headroom, and the outer packet has at most 65,535 bytes. */
void recipe_wrap(const struct recipe *r, uint8_t kind, const struct key *key, struct pkt *pkt,
                 const struct recipe_numbers *n);
/* The part of it that is behind the link layer: the outer headers are written from `outer` on, right before the packet
 * that goes into the tunnel, which takes its hop; the frame's type before them. */
void recipe_put_outer(const struct recipe *r, uint8_t kind, const struct key *key, uint8_t *outer,
                      const struct recipe_numbers *n);
