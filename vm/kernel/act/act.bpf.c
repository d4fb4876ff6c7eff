/* The last stage carries out the decision: the verdict (settle.bpf.h), the edit (frame.bpf.h), and the way out
 * (way_out.bpf.h, up.bpf.h). Then it counts the packet. */
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>

#include "vm/flow/inquiry.h"
#include "vm/kernel/act/buffer.bpf.h"
#include "vm/kernel/act/frame.bpf.h"
#include "vm/kernel/act/settle.bpf.h"
#include "vm/kernel/act/up.bpf.h"
#include "vm/kernel/act/way_out.bpf.h"
#include "vm/kernel/copy/copy.bpf.h"

/* Update or begin the flow of an accepted packet. Return 0, or a reason to go up (KERNEL_UP_…). */
uint64_t kernel_flow_keep(struct kpkt *k);
uint64_t kernel_flow_note(struct kpkt *k);
uint64_t kernel_inquire(struct kpkt *k);
uint64_t kernel_ask(struct kpkt *k); /* defined in asked.bpf.c */
uint64_t kernel_later_keep(struct kpkt *k);
uint64_t kernel_sample(struct kpkt *k);                       /* defined in events.bpf.c */
uint64_t kernel_drop(struct kpkt *k, uint32_t passes);        /* defined in events.bpf.c */
uint64_t kernel_raise(struct __sk_buff *ctx, struct kpkt *k); /* defined in raise.bpf.c */

/* True for a packet between other stations, or from a device above, if the same tuple in a frame to this machine
 * would be sent on, as far as the kernel knows. Such a packet begins no flow, because frames to this machine would
 * then belong to that flow, not to a service or translation. Services whose connections end here take their packets
 * anyway. */
static inline bool is_anothers(struct kpkt *k)
{
    if (!kpkt_is_left(k) || k->key.kind & KIND_SRC_SELF || k->seen.slot != FLOW_NONE) return false;
    if (k->branch != PBC_NONE && !(k->flags & (KERNEL_PROXIED | KERNEL_WIRE))) return true;
    const bool translates = count_program(k->program)->flags & KERNEL_TRANSLATES;
    return k->flags & KERNEL_FOREIGN && translates && settle_may_nat(k);
}

/* True for a packet of a translated flow that the host routes, both on arrival and as it leaves by a nat's
 * interface: user space translates the packet as it leaves, and continues its flow. */
static inline bool is_routed_on(const struct kpkt *k)
{
    return settle_is_hosts_way(k) || (k->seen.class == SEEN_ORIGINAL && kpkt_is_sent(k) && settle_nat_looks(k));
}

/* True if a flow is kept for the packet. No flow was looked up for a later fragment, which is decided as its first.
 * A packet of a proxy's service, which the host handles, has a flow only if the program follows proxied connections
 * (forward/begin.c). */
static inline bool keeps(struct kpkt *k)
{
    const uint32_t flags = count_program(k->program)->flags;
    if (!(flags & KERNEL_KEEPS_FLOWS) || k->seen.class == SEEN_NONE || is_routed_on(k)) return false;
    if (k->nowhere && k->seen.class == SEEN_NEW) return false; /* as in forward_leads_nowhere */
    if (kpkt_is_sent(k) && settle_is_error(&k->key))
        return false; /* the host's errors change no flow, and no process takes them up */
    if (k->verdict.action == ACTION_FORWARD) return k->flags & KERNEL_ORDINARY || flags & KERNEL_FOLLOWS_PROXIED;
    return k->verdict.action == ACTION_ACCEPT && !is_anothers(k);
}

/* True if the flow table could not take the change, and the change is not reserved to user space. */
static inline bool is_crowded(uint64_t why) { return why == KERNEL_UP_BUSY || why == KERNEL_UP_ROOM; }

/* Keep the packet's flow. A packet that is already edited for sending leaves even if its flow could not be changed.
 * A packet that no worker takes up passes as decided if the table is busy or full. */
inline_whole uint32_t packet_keep(struct kpkt *k, uint32_t out)
{
    const uint64_t why = keeps(k) ? kernel_flow_keep(k) : 0;
    if (!why) return out;
    if (out != KERNEL_SEND && !(kpkt_is_left(k) && is_crowded(why))) return settle_up(k, (enum kernel_up)why);
    settle_counters()->given_up++;
    return out;
}

/* True for a packet of this machine that may be an inquiry, if the program keeps flows. */
static inline bool inquires(const struct kpkt *k)
{
    return k->key.kind & KIND_OUT && inquiry_may_be(&k->key) && count_program(k->program)->flags & KERNEL_KEEPS_FLOWS;
}

/* True for a DNS question that passes unchanged, and may go to a resolver that live sets trust. */
static inline bool asks(const struct kpkt *k)
{
    return settle_hears(k) && k->key.dst_port == DNS_PORT && k->verdict.action == ACTION_ACCEPT &&
           k->key.kind & KIND_FRAG_NO;
}

/* True for a packet of the host that is rejected and needs a reply. */
static inline bool is_rejected(const struct kpkt *k)
{
    return k->verdict.action == ACTION_REJECT && !(k->flags & KERNEL_FOREIGN) && !settle_watches(k);
}

/* True for a packet whose drop or reject is reported to a process. */
static inline bool drop_is_told(const struct kpkt *k)
{
    const uint8_t action = k->verdict.action;
    return (action == ACTION_DROP || action == ACTION_REJECT) && state_world.drops && !(k->flags & KERNEL_ASKED);
}

/* Report to processes: drops and samples (events.bpf.c), and packets that need a reply. */
static inline void act_tell(struct kpkt *k)
{
    if (is_rejected(k)) kernel_tell(k, KERNEL_EVENT_REJECT, k->verdict.rule);
    if (drop_is_told(k)) kernel_drop(k, settle_watches(k) ? KERNEL_DROP_PASSES : 0);
    if (state_world.sample | state_world.thins && !(k->flags & KERNEL_ASKED)) kernel_sample(k);
}

/* Keep the flow, count and report the packet, and set its destination k->out. */
inline_whole void act(struct kpkt *k, uint32_t out)
{
    if (out == KERNEL_PASS || out == KERNEL_SEND) out = packet_keep(k, out);
    out = LOOSE(out);
    if (out == KERNEL_PASS && inquires(k)) kernel_inquire(k);
    if (out == KERNEL_PASS && asks(k)) kernel_ask(k);
    if (out != KERNEL_UP) {
        if (k->said & KERNEL_WOULD_DUE && kernel_flow_note(k)) settle_counters()->given_up++;
        settle_count(k);
        if (k->flags & KERNEL_NO_WAY) settle_counters()->ways_unknown++;
        act_tell(k);
    }
    if (out == KERNEL_DROP && settle_watches(k)) {
        count_add(&settle_counters()->watched, k->pkt.wire_len);
        out = KERNEL_PASS;
    }
    k->out = (uint8_t)out;
}

/* Note that the frame was copied as it came, before the edit. If the edit fails, the frame is not copied again as it
 * goes up. */
inline_whole void copied_before(struct kpkt *k)
{
    k->mirrors &= copies_row(k->program)->sent;
    k->flags |= KERNEL_SHOWN;
}

/* The current packet in the form that its hook gives. */
struct given {
    struct xdp_md *xdp; /* NULL: skb */
    struct __sk_buff *skb;
};

inline_whole void copy(const struct given *g, struct kpkt *k, uint32_t what)
{
    if (g->xdp)
        kernel_copy_xdp(g->xdp, k, what);
    else
        kernel_copy_tc(g->skb, k, what);
}

/* Copy the packet before its edit. An XDP frame with a partial checksum is not copied, because it will not be
 * edited; for a socket buffer, the partial checksum is noted. */
inline_whole void copy_before(const struct given *g, struct kpkt *k)
{
    if (!copies_are_made() || k->flags & KERNEL_ASKED) return;
    if (g->xdp && frame_is_left(k)) return;
    copy(g, k, KERNEL_COPY_CAME);
    copied_before(k);
    if (frame_is_left(k)) k->pkt.flags |= PKT_CSUM_PARTIAL;
}

/* Edit the packet before it is sent. False: it goes up. */
inline_whole bool edited(const struct given *g, struct kpkt *k)
{
    if (!leave_is_known(k, g->xdp)) return false;
    copy_before(g, k);
    if (g->xdp) return frame_edit(g->xdp, k);
    __builtin_memcpy(k->edited, k->head, sizeof k->edited);
    return buffer_edit(g->skb, k);
}

/* Return the moments (enum kernel_copy) at which an unchanged packet is copied. */
static inline uint32_t copy_as(const struct kpkt *k, bool goes_on)
{
    const uint8_t action = k->verdict.action;
    return action == ACTION_DROP || action == ACTION_REJECT || !goes_on ? KERNEL_COPY_CAME
                                                                        : KERNEL_COPY_CAME | KERNEL_COPY_LEFT;
}

/* True for a judged first fragment that no process takes up. Later fragments of its datagram get the same decision
 * (shapes.h). */
static inline bool datagram_is_followed(const struct kpkt *k)
{
    return k->key.kind & KIND_FRAG_FIRST && k->flags & KERNEL_JUDGED && kpkt_is_left(k) &&
           state_world.flags & PBC_FOLLOWS_FRAGMENTS;
}

/* Count a packet that only a process could decide, and that none takes up. True if it passes anyway. */
static inline bool passes_undecided(struct kpkt *k)
{
    count_add(&settle_counters()->ups[k->up & 31], k->pkt.wire_len);
    if (!state_world.watches && !(k->flags & KERNEL_ASKED)) up_lost(k);
    return state_world.watches;
}

/* True for a packet that is never edited: it passes or is dropped. */
static inline bool stays(const struct kpkt *k) { return k->flags & KERNEL_STAYS; }

/* Copy the packet in its present form. A packet that goes up is copied by the worker, unless no process takes it up. */
inline_whole void copy_after(const struct given *g, struct kpkt *k)
{
    const uint32_t out = k->out;
    if (!copies_are_made() || (out == KERNEL_UP && !stays(k))) return;
    const bool left = out == KERNEL_SEND && !stays(k);
    copy(g, k, out == KERNEL_UP ? KERNEL_COPY_CAME : left ? KERNEL_COPY_LEFT : copy_as(k, out != KERNEL_DROP));
}

/* Do everything to a packet except sending it out. Return its way out (enum kernel_out). */
inline_whole uint32_t act_whole(const struct given *g, struct kpkt *k)
{
    if (datagram_is_followed(k)) kernel_later_keep(k);
    uint32_t out = settle_names(k, settle(k));
    if (out == KERNEL_SEND && !stays(k) && !edited(g, k)) out = settle_up(k, KERNEL_UP_WAY);
    act(k, out);
    copy_after(g, k);
    if (!stays(k)) return k->out;
    if (k->out == KERNEL_UP) return passes_undecided(k) ? KERNEL_PASS : KERNEL_DROP;
    return k->out == KERNEL_SEND ? KERNEL_PASS : k->out;
}

/* Pass a frame to the host. If the host must only receive the packet, the frame gets the broadcast MAC, because
 * stacks do not route such packets. */
inline_whole int pass_xdp(const struct xdp_md *ctx, const struct kpkt *k)
{
    uint8_t *frame = frame_begin(ctx);
    if (!settle_is_heard(k)) return XDP_PASS;
    if (frame + ETHER_LEN > frame_end(ctx)) return XDP_DROP;
    for (unsigned i = 0; i < 6; i++) frame[i] = UINT8_MAX;
    return XDP_PASS;
}

SEC("xdp") int act_xdp(struct xdp_md *ctx)
{
    struct kpkt *k = kpkt_xdp(ctx);
    const struct given g = {.xdp = ctx};
    if (k->flags & KERNEL_ONLY_JUDGE) return XDP_DROP;
    switch (act_whole(&g, k)) {
    case KERNEL_PASS: return pass_xdp(ctx, k);
    case KERNEL_SEND: return leave_out(ctx, k);
    case KERNEL_UP: return up_xdp(ctx, k);
    default: return XDP_DROP;
    }
}

/* Send an arriving packet up, and take it from the host by TC_ACT_SHOT: with other codes, such as TC_ACT_STOLEN,
 * links of traffic control let it go on. */
inline_whole int raise(struct __sk_buff *ctx, struct kpkt *k)
{
    if (up_goes(k) && kernel_raise(ctx, k)) up_lost(k);
    return TC_ACT_SHOT;
}

/* True for an error about translated packets: from a host behind an unserved interface, or from the host stack about
 * a reply that was translated for it. The host stack has received such a reply only if the other side has replied here.
 */
static inline bool tells_on_nats(const struct kpkt *k)
{
    return settle_tells_on(k) && (k->key.kind & KIND_FORWARD || k->flow.tcp.flags & TCP_TRACK_HEARD_REPLY);
}

/* True for a packet that came by an unserved interface and passes where it leaves, if a nat may translate it there,
 * or if it is an error about translated packets. Then KERNEL_ROUTED is set. */
static inline bool is_nats(struct kpkt *k)
{
    if (!kpkt_is_sent(k) || !(tells_on_nats(k) || settle_nat_looks(k))) return false;
    k->flags |= KERNEL_ROUTED;
    return true;
}

/* Pass a packet in a socket buffer to the host, as pass_xdp does with a frame. */
inline_whole int pass_tc(struct __sk_buff *ctx, const struct kpkt *k)
{
    if (settle_is_heard(k) && bpf_skb_change_type(ctx, PACKET_BROADCAST)) return TC_ACT_SHOT;
    return TC_ACT_UNSPEC;
}

SEC("tc") int act_tc(struct __sk_buff *ctx)
{
    struct kpkt *k = kpkt_tc(ctx);
    const struct given g = {.skb = ctx};
    if (k->flags & KERNEL_ONLY_JUDGE) return TC_ACT_SHOT;
    uint32_t out = k->flags & KERNEL_ROUTED ? KERNEL_UP : act_whole(&g, k);
    if (out == KERNEL_PASS && is_nats(k)) out = settle_up(k, KERNEL_UP_ROUTED);
    switch (out) {
    case KERNEL_PASS: return pass_tc(ctx, k);
    case KERNEL_SEND: return buffer_leave(ctx, k);
    case KERNEL_UP: return raise(ctx, k);
    default: return TC_ACT_SHOT;
    }
}
