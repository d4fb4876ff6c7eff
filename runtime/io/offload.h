/* What a network card would have done, as the kernel words it beside a frame (struct virtio_net_hdr): checksums to be
 * completed, super-packets to be cut, VLAN tags apart from the frame. */
#pragma once

#include <linux/virtio_net.h>

#include "vm/packet/pkt.h"

/* Take what the header says into the view: PKT_CSUM_PARTIAL, pkt->segment. A partial checksum that is not of the
 * frame's own L4 header is completed here. False: a super-packet of a kind that is not known here (of an inner packet,
 * say). */
bool offload_take(struct pkt *pkt, const struct virtio_net_hdr *h);

/* Complete an L4 checksum that is still only the pseudo header's sum (SCTP: 0), where nobody says which are. A wrong
 * checksum stays wrong, but for one in 65,536 that looks like that. True: it was. */
bool offload_complete(struct pkt *pkt);

/* Where the L4 header of a frame's TCP or UDP packet without IPv6 extension headers begins; 0: it is none such. */
uint32_t offload_l4(const struct pkt *pkt, uint32_t *l3, uint8_t *proto);

/* The header that goes with a parsed frame. */
void offload_give(const struct pkt *pkt, struct virtio_net_hdr *h);

/* Put pkt->tags before the frame's type again; there are none then. Without headroom for them they stay off. */
void offload_put_tags(struct pkt *pkt);
