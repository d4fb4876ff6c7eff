/* Offloads of network cards, as the kernel describes them beside a frame (struct virtio_net_hdr): checksums to be
 * completed, super-packets to be cut, VLAN tags apart from the frame. */
#pragma once

#include <linux/virtio_net.h>

#include "vm/packet/pkt.h"

/* Take the header into the view: PKT_CSUM_PARTIAL, pkt->segment. A partial checksum other than the frame's own L4
 * checksum is completed here. verified: the card has found the checksums right; the checksum of segments that it has
 * joined (LRO) is made partial, as for those joined by the kernel. False: an unknown kind of super-packet, such as
 * of an inner packet. */
bool offload_take(struct pkt *pkt, const struct virtio_net_hdr *h, bool verified);

/* Complete an L4 checksum that is still the pseudo header's sum (SCTP: 0), without a header that shows this. A wrong
 * checksum stays wrong, except for one in 65,536 that equals that sum. True: completed. */
bool offload_complete(struct pkt *pkt);

/* Return the L4 offset of a TCP or UDP packet without IPv6 extension headers; 0: another packet. */
uint32_t offload_l4(const struct pkt *pkt, uint32_t *l3, uint8_t *proto);

/* Write the header for a parsed frame. */
void offload_give(const struct pkt *pkt, struct virtio_net_hdr *h);

/* Put pkt->tags back before an Ethernet frame's type, and clear them. Without headroom the tags stay off. */
void offload_put_tags(struct pkt *pkt);
