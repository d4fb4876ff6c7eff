/* A recipe: what happens to each ordinary packet of one direction of a flow that is sent on, found out once
 * (ARCHITECTURE.md, Life of a packet). Plain words, no pointers, one line: an executor in a kernel applies the same.
 *
 * New addresses and ports, and by how much they change the sums: of the IPv4 header, and of TCP or UDP with its pseudo
 * header (RFC 1624, eqn. 3). The packet takes one hop. A sum that was wrong stays wrong by as much. */
#ifndef VM_PACKET_EDIT_RECIPE_H
#define VM_PACKET_EDIT_RECIPE_H

#include <assert.h>

#include "vm/packet/edit/translate.h"

enum recipe_kind {
    RECIPE_NONE,
    RECIPE_REWRITE, /* addresses, ports, one hop */
    RECIPE_FRAME,   /* nothing but the frame's MAC addresses */
    RECIPE_IPIP,    /* one hop, and into a tunnel from src to dst */
    RECIPE_GUE,     /* the same, to UDP port dst_port */
    RECIPE_GUE1,    /* the same, GUE of variant 1 */
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

/* Apply it to the headers of an ordinary packet with that kind (enum kind_bit), which are all there; its TTL is
 * above 1. ip, l4: where they begin. The packet is TCP or UDP. partial: its checksum covers the addresses alone, so far. */
void recipe_apply(const struct recipe *r, uint32_t kind, uint8_t *ip, uint8_t *l4, bool partial);

#endif
