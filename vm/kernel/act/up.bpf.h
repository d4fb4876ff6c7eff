/* Send packets up to the process: from XDP through an AF_XDP socket, from traffic control through a ring
 * (raise.bpf.c). */
#pragma once

#include "vm/kernel/act/settle.bpf.h"
#include "vm/kernel/bpf.h"
#include "vm/kernel/events.h"
#include "vm/kernel/flow/table_lines.bpf.h"
#include "vm/kernel/gate.h"
#include "vm/kernel/shapes.h"

extern struct kernel_port state_ports[];
extern const char mask_ports;
extern char map_xsks; /* index: kernel_port.xsks + queue */

uint64_t kernel_tell(struct kpkt *k, uint32_t kind, uint32_t rule); /* defined in events.bpf.c */

/* Write the known facts about the packet into the note. */
static inline void up_say(struct kernel_note *n, const struct kpkt *k)
{
    n->magic = KERNEL_NOTE_MAGIC;
    n->came = k->came;
    n->program = k->program;
    n->decision = k->flags & KERNEL_JUDGED ? k->decision : 0;
    n->mirrors = k->mirrors;
    n->wire_len = k->pkt.wire_len;
    n->flags = k->flags;
    n->up = k->up;
    n->states = (uint8_t)((k->key.marks & MARK_STATES) >> 8);
    n->would = k->would;
    n->turn = k->turn;
    n->cuts = k->cuts;
    n->members = k->heard ? k->members : (struct kernel_members){0};
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

/* Number of packets without ports, such as pings to this machine, that may go up per second to begin flows: a nat
 * may take them, though most are the host's. At most one second's share goes up at once, so a flood of pings costs
 * no service its packets. */
enum { UP_PINGS_PER_S = 2000 };

/* Take one packet of the share, by the clock of flows (as struct limit, but in one word that all processors change).
 * A processor whose exchange fails gets none. */
static inline bool up_ping_may(uint64_t now_ns)
{
    const uint64_t second = 1000000000, was = *(const volatile uint64_t *)&state_flow_head.pings_ns;
    const uint64_t next = was > now_ns ? was : now_ns;
    if (next - now_ns >= second) return false;
    return __sync_bool_compare_and_swap(&state_flow_head.pings_ns, was, next + second / UP_PINGS_PER_S);
}

/* True for a packet without ports that exceeds the share. */
static inline bool up_is_over(const struct kpkt *k)
{
    if (k->up != KERNEL_UP_BEGIN || k->seen.class != SEEN_NEW || k->branch != PBC_NONE) return false;
    if (!(k->key.kind & KIND_DST_SELF) || k->key.kind & KIND_PORTS) return false;
    return !up_ping_may(k->now_ns);
}

/* Count a packet that goes up. False: it exceeds the share, no process takes it, or a process only asks about it. */
static inline bool up_goes(struct kpkt *k)
{
    if (!(k->flags & KERNEL_ASKED) && up_is_over(k)) {
        count_add(&settle_counters()->pings, k->pkt.wire_len);
        return false;
    }
    count_add(&settle_counters()->ups[k->up & 31], k->pkt.wire_len);
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
