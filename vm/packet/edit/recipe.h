/* A recipe: the treatment of each ordinary packet of one direction of a bound flow, computed once
 * (docs/architecture.md, Recipes and remembered verdicts). It has no pointers and fills one cache line, so that the
 * kernel executor applies it, too.
 *
 * It holds new addresses and ports, and the changes of the sums: of the IPv4 header, and of TCP or UDP with its
 * pseudo header (RFC 1624, eqn. 3). The packet takes one hop. A wrong sum stays wrong by the same amount. */
#pragma once

#include <assert.h>

#include "vm/packet/edit/translate.h"
#include "vm/packet/parse/header.h"

enum recipe_kind {
    RECIPE_NONE,
    RECIPE_REWRITE, /* addresses, ports, one hop */
    RECIPE_FRAME,   /* the frame's MAC addresses only */
    RECIPE_IPIP,    /* one hop, then into a tunnel from src to dst */
    RECIPE_GUE,     /* the same, to UDP port dst_port */
    RECIPE_GUE1,    /* the same, GUE of variant 1 */
    RECIPE_IP6 = 8, /* bit: dst is IPv6, otherwise IPv4 */
    RECIPE_KINDS = 16,
    RECIPE_OLD = RECIPE_KINDS, /* in struct track_seen only: an outdated recipe of a nat that keeps the destination */
};

struct recipe {
    uint32_t src[4], dst[4]; /* as in struct key; dst is also the next hop */
    uint16_t src_port, dst_port;
    uint16_t l3_delta, l4_delta; /* added to the complement of the sum; 0: no change. For a tunnel over IPv4, l3_delta
                                    is the constant part of the outer header's sum */
    uint32_t generation;         /* generation of the facts that it was made from */
    uint16_t server, service;    /* service RECIPE_NAT: server is the index of the nat's statement */
    uint8_t next_mac[6];         /* MAC of the next hop; 0: to be resolved */
    uint16_t out_if;             /* IFACE_NONE: the interface that the packet came by */
    uint8_t heard_mac[6];        /* original direction: MAC that the opener last sent from. A packet from another MAC
                                  * redirects the replies */
    uint16_t heard_if;           /* the same for the interface by which the opener last sent */
};
static_assert(sizeof(struct recipe) == 64, "one line");
enum { RECIPE_NAT = UINT16_MAX };

/* Fill in addresses, ports and differences for the translation of a TCP or UDP packet with that key. */
void recipe_differ(struct recipe *r, const struct key *key, const struct translation *to);
/* Fill in the rest of a tunnel's recipe; src, dst and dst_port are set. inner6: the tunnel carries IPv6. */
void recipe_outer(struct recipe *r, uint8_t kind, bool inner6);

/* Return the number of bytes that are added before the IP packet. kind: with RECIPE_IP6. (The lengths are bytes of a
 * word: a table would be memory, and one more map in the kernel.) */
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

/* Apply a RECIPE_REWRITE to a packet: TCP or UDP right after an IP header without options or extensions, all in the
 * head, writable, TTL above 1. kind: KIND bits. ip: the header. partial: the L4 sum covers the pseudo header only. */
void recipe_apply(const struct recipe *r, uint32_t kind, uint8_t *ip, bool partial);

/* Numbers that differ from one outer header to the next. */
struct recipe_numbers {
    uint32_t hash; /* hash of the flow, as for tunnel_encap */
    uint16_t id;   /* identification, as for tunnel_encap */
};
/* Put an ordinary packet into a tunnel, with the same result as ttl_decrement and tunnel_encap (edit.h). kind: the
 * recipe's. The packet must have recipe_overhead(kind) bytes of headroom, and the outer packet has at most 65,535
 * bytes. */
void recipe_wrap(const struct recipe *r, uint8_t kind, const struct key *key, struct pkt *pkt,
                 const struct recipe_numbers *n);
/* Do the part of recipe_wrap behind the link layer. Write the outer headers from `outer` on, up to the packet that
 * goes into the tunnel, and the EtherType before them. Take one hop from the inner packet. */
void recipe_put_outer(const struct recipe *r, uint8_t kind, const struct key *key, uint8_t *outer,
                      const struct recipe_numbers *n);
