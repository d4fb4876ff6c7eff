/* The way up, to the process: by a socket of AF_XDP where XDP takes what arrives, by a ring where traffic control does
 * (raise.bpf.c). */
#pragma once

#include "vm/kernel/act/settle.bpf.h"
#include "vm/kernel/bpf.h"
#include "vm/kernel/events.h"
#include "vm/kernel/gate.h"
#include "vm/kernel/port.h"

extern struct kernel_port state_ports[];
extern const char mask_ports;
extern char map_xsks; /* by kernel_port.xsks and queue */

uint64_t kernel_tell(struct kpkt *k, uint32_t kind, uint32_t rule); /* events.bpf.c */

/* Write what is known of the packet. */
static inline void up_say(struct kernel_note *n, const struct kpkt *k)
{
    n->magic = KERNEL_NOTE_MAGIC;
    n->program = k->program;
    n->decision = k->decision;
    n->mirrors = k->mirrors;
    n->wire_len = k->pkt.wire_len;
    n->flags = k->flags;
    n->up = k->up;
    n->states = (uint8_t)((k->key.marks & MARK_STATES) >> 8);
    n->would = k->would;
}

static inline bool up_note(struct xdp_md *ctx, const struct kpkt *k)
{
    if (bpf_xdp_adjust_head(ctx, -(int)sizeof(struct kernel_note))) return false;
    struct kernel_note *n = (struct kernel_note *)(long)ctx->data;
    if ((void *)(n + 1) > (void *)(long)ctx->data_end) return false;
    up_say(n, k);
    return true;
}

static inline int up_lost(struct kpkt *k)
{
    count_add(&settle_counters()->lost, k->pkt.wire_len);
    return XDP_DROP;
}

/* Count a packet that goes up. False: no process takes it, or a process asks. */
static inline bool up_goes(struct kpkt *k)
{
    count_add(&settle_counters()->ups[k->up & 15], k->pkt.wire_len);
    if (k->flags & KERNEL_ASKED) return false;
    if (!state_world.interrupted) return true;
    if (k->up == KERNEL_UP_INLINE) kernel_tell(k, KERNEL_EVENT_LEFT, RULE_NONE);
    up_lost(k);
    return false;
}

/* Send the frame up to the socket of its interface and queue. */
static inline int up_xdp(struct xdp_md *ctx, struct kpkt *k)
{
    if (!up_goes(k)) return XDP_DROP;
    const struct kernel_port *port = &state_ports[ctx->ingress_ifindex & MASK(ports)];
    const uint32_t at = port->xsks + ctx->rx_queue_index;
    if (port->ifindex != ctx->ingress_ifindex || !up_note(ctx, k)) return up_lost(k);
    const int how = (int)bpf_redirect_map(&map_xsks, at, XDP_DROP);
    return how == XDP_REDIRECT ? how : up_lost(k);
}
