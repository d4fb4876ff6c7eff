/* Modes: the ways in which accepted traffic is sent on. Each mode is a file that ends in its ops; its row in
 * vm/mode.def has its traits. A mode gets a copy in a slot of the pool, calls the actions of vm/packet/edit/, and sends
 * it through vm_tx with its layer 3 final. */
#pragma once

#include "vm/context/context.h"
#include "vm/flow/leave.h"
#include "vm/forward/service.h"
#include "vm/forward/splice/splice.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/edit/recipe.h"

struct mode_ops {
    uint8_t recipe; /* enum recipe_kind: for ordinary packets */
    /* Send the copy, which is taken over. REASON_NONE, or why nothing left; the sender is then notified already. */
    enum pkt_reason (*send)(const struct job *j, struct packet_ctx *c, struct pkt *copy);
};
#define MODE(ident, name, traits, doc) extern const struct mode_ops mode_##ident;
#include "vm/mode.def"

const struct mode_ops *mode_of(const struct program *p, uint32_t service);
/* Return the ends of a packet that the mode may replace: bits of enum translate_what. */
static inline uint8_t mode_rewrites(uint8_t mode)
{
    return (mode_is(mode, MODE_REWRITES) ? TRANSLATE_DST | TRANSLATE_DST_PORT : 0) |
           (mode_is(mode, MODE_OWN_SOURCE) ? TRANSLATE_SRC | TRANSLATE_SRC_PORT : 0);
}

/* Copy the packet into a slot, and send it according to c->left. A super-packet that no slot holds is sent itself
 * (c->gone). */
enum pkt_reason mode_send(const struct job *j, struct packet_ctx *c);

/* Send the copy one hop on, rewritten according to c->left, in fragments if needed. */
enum pkt_reason mode_route(const struct job *j, struct packet_ctx *c, struct pkt *copy);
/* Send the copy into a tunnel to the server, according to the service. */
enum pkt_reason mode_tunnel(const struct job *j, struct packet_ctx *c, struct pkt *copy);
/* Lower the MSS of a SYN, if the service asks for it. overhead: bytes that the mode adds to a packet. */
void mode_clamp(const struct job *j, const struct packet_ctx *c, struct pkt *copy, uint32_t overhead);
/* Write the frame's link layer: prey's MAC as source, `mac` as destination (48 bits; 0: the executor fills it in). A
 * link other than Ethernet is removed; the packet gets an Ethernet header in its place if `mac` is known. */
void mode_link(const struct job *j, const struct packet_ctx *c, struct pkt *copy, uint64_t mac);
/* The next hop of a frame: an address that the executor resolves, or (family 0) a known MAC */
struct hop {
    const uint32_t *addr; /* as in struct key */
    const uint32_t *from; /* source by which policy rules choose the way; NULL: the one with which the packet leaves */
    uint16_t from_port;   /* with `from`: its port; 0: none, or the one with which the packet leaves */
    uint64_t mac;         /* 0: to be resolved */
    uint8_t family;
};
/* True if rules give the server's MAC address, and the packet has a place for it; otherwise the ways are asked. */
bool mode_knows_mac(const struct job *j, const struct packet_ctx *c);
void mode_to_server(const struct job *j, const struct packet_ctx *c, struct hop *hop);
/* Add the copy to j->tx, which has room for it. */
void mode_leave(const struct job *j, const struct packet_ctx *c, const struct hop *hop, struct pkt *copy);

/* clamp.c: `mss clamp … out on` of a nat: the MSS of SYNs that cross by an interface, translated (here) or not
 * (service.h) */

/* Lower the MSS of a SYN by the clamps of the interface that it came by and of the way out (way_find). With `auto`,
 * it is the MSS that both interfaces carry. Other packets, and those of a program without such clamps, stay. */
void clamp_crossing(const struct program *p, const struct facts *f, struct pkt *pkt, const struct key *key,
                    const struct way_found *out);
/* Return the MTU of the interface that the packet came by, in bytes; if it is not served, that of the way to the
 * packet's source. 0: unknown. */
uint32_t clamp_arrival_mtu(const struct facts *f, const struct key *key);
