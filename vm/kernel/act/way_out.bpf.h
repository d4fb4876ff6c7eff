/* Send packets out of the stages by an interface. */
#pragma once

#include "vm/kernel/act/settle.bpf.h"
#include "vm/kernel/bpf.h"
#include "vm/kernel/shapes.h"
#include "vm/packet/parse/header.h"

extern struct kernel_port state_ports[];
extern const char mask_ports;
extern char map_outs; /* index: interface id */

/* True if a packet may leave by a device whose packets begin with IP. It needs no next hop there. Traffic control
 * removes an Ethernet header as it redirects, XDP does not, and neither removes tags. */
static inline bool leave_fits_bare(const struct kpkt *k, bool xdp)
{
    return !xdp && !k->pkt.tag_count && (kpkt_is_bare(k) || k->pkt.l3 == ETHER_LEN);
}

/* True if an edited packet's interface and next hop are known. They need not be if a process asks, because it knows
 * them. A packet goes back by its incoming interface only to a station there, so a bare packet never does. xdp: the
 * packet is at XDP. */
static inline bool leave_is_known(const struct kpkt *k, bool xdp)
{
    const struct recipe *r = &k->recipe;
    if (k->flags & KERNEL_ASKED) return true;
    const bool hop = wire_raw32(r->next_mac) | wire_raw16(r->next_mac + 4);
    if (r->out_if == IFACE_NONE) return hop && !kpkt_is_bare(k);
    if (r->out_if >= KERNEL_WAYS) return false;
    const struct kernel_way *way = &state_ways[r->out_if & MASK(ways)];
    if (!way->ifindex) return false;
    if (way->link == LINK_RAW) return leave_fits_bare(k, xdp);
    return hop && (!kpkt_is_bare(k) || way->mac);
}

/* Send the frame back by its incoming interface. */
static inline int leave_back(const struct xdp_md *ctx)
{
    const struct kernel_port *port = &state_ports[ctx->ingress_ifindex & MASK(ports)];
    if (port->ifindex != ctx->ingress_ifindex || !port->redirects) return XDP_TX;
    return (int)bpf_redirect_map(&map_outs, port->iface, XDP_DROP);
}

/* Count the packet that leaves. True if a process only asks: the process learns the interface from k->out_if. */
static inline bool leave_told(struct kpkt *k)
{
    const bool asked = k->flags & KERNEL_ASKED;
    k->datagram++;
    k->out_if = asked && k->recipe.out_if != IFACE_NONE ? k->recipe.out_if + 1u : 0;
    return asked;
}

static inline int leave_out(struct xdp_md *ctx, struct kpkt *k)
{
    const uint32_t out = k->recipe.out_if;
    if (leave_told(k)) return XDP_TX;
    if (out == IFACE_NONE) return leave_back(ctx);
    k->out_if = state_ways[out & MASK(ways)].ifindex;
    if (k->out_if == ctx->ingress_ifindex) return leave_back(ctx);
    return (int)bpf_redirect_map(&map_outs, out, XDP_DROP);
}
