/* The ways out of the stages: out by an interface, and up to a socket. */
#pragma once

#include "vm/kernel/act/settle.bpf.h"
#include "vm/kernel/bpf.h"
#include "vm/kernel/events.h"
#include "vm/kernel/gate.h"
#include "vm/kernel/port.h"

extern struct kernel_port state_ports[];
extern const char mask_ports;
extern char map_outs; /* by interface id */
extern char map_xsks; /* by kernel_port.xsks and queue */

uint64_t kernel_tell(struct kpkt *k, uint32_t kind, uint32_t rule); /* events.bpf.c */

/* True if interface and next hop of an edited packet are known. They need not be for a process that asks: it knows
 * them. */
static inline bool leave_is_known(const struct kpkt *k)
{
    const struct recipe *r = &k->recipe;
    if (k->flags & KERNEL_ASKED) return true;
    if (!(wire_raw32(r->next_mac) | wire_raw16(r->next_mac + 4))) return false;
    return r->out_if == IFACE_NONE || (r->out_if < KERNEL_WAYS && state_ways[r->out_if & MASK(ways)].ifindex);
}

/* Send the frame back by the interface that it came from. */
static inline int leave_back(const struct xdp_md *ctx)
{
    const struct kernel_port *port = &state_ports[ctx->ingress_ifindex & MASK(ports)];
    if (port->ifindex != ctx->ingress_ifindex || !port->redirects) return XDP_TX;
    return (int)bpf_redirect_map(&map_outs, port->iface, XDP_DROP);
}

static inline int leave_out(struct xdp_md *ctx, struct kpkt *k)
{
    const uint32_t out = k->recipe.out_if;
    k->datagram++;
    k->out_if = 0;
    if (k->flags & KERNEL_ASKED) {
        if (out != IFACE_NONE) k->out_if = out + 1;
        return XDP_TX;
    }
    if (out == IFACE_NONE) return leave_back(ctx);
    k->out_if = state_ways[out & MASK(ways)].ifindex;
    if (k->out_if == ctx->ingress_ifindex) return leave_back(ctx);
    return (int)bpf_redirect_map(&map_outs, out, XDP_DROP);
}

static inline bool leave_note(struct xdp_md *ctx, const struct kpkt *k)
{
    if (bpf_xdp_adjust_head(ctx, -(int)sizeof(struct kernel_note))) return false;
    struct kernel_note *n = (struct kernel_note *)(long)ctx->data;
    if ((void *)(n + 1) > (void *)(long)ctx->data_end) return false;
    n->magic = KERNEL_NOTE_MAGIC;
    n->program = k->program;
    n->decision = k->decision;
    n->mirrors = k->mirrors;
    n->wire_len = k->pkt.wire_len;
    n->flags = k->flags;
    n->up = k->up;
    n->states = (uint8_t)((k->key.marks & MARK_STATES) >> 8);
    n->would = k->would;
    return true;
}

static inline int leave_lost(struct kpkt *k)
{
    count_add(&settle_counters()->lost, k->pkt.wire_len);
    return XDP_DROP;
}

/* Send the frame up to the socket of its interface and queue. */
static inline int leave_up(struct xdp_md *ctx, struct kpkt *k)
{
    count_add(&settle_counters()->ups[k->up & 15], k->pkt.wire_len);
    if (k->flags & KERNEL_ASKED) return XDP_DROP;
    if (state_world.interrupted) {
        if (k->up == KERNEL_UP_INLINE) kernel_tell(k, KERNEL_EVENT_LEFT, RULE_NONE);
        return leave_lost(k);
    }
    const struct kernel_port *port = &state_ports[ctx->ingress_ifindex & MASK(ports)];
    const uint32_t at = port->xsks + ctx->rx_queue_index;
    if (port->ifindex != ctx->ingress_ifindex || !leave_note(ctx, k)) return leave_lost(k);
    const int how = (int)bpf_redirect_map(&map_xsks, at, XDP_DROP);
    return how == XDP_REDIRECT ? how : leave_lost(k);
}
