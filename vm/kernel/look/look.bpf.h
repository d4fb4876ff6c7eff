/* The first stage: it copies and parses a packet's head, and looks up its flow. Packets that have a verdict already,
 * or go up, go on to act; the rest are judged.
 *
 * The stage has two forms. FORM_LINK is the beginning of its packets (enum pkt_link): an Ethernet header, or IP. */
#pragma once

#include <linux/if_packet.h>
#include <linux/pkt_cls.h>

#define TABLE_ACCESS "vm/kernel/flow/table_lines.bpf.h"
#include "vm/kernel/look/express.bpf.h"
#include "vm/kernel/gate.h"
#include "vm/kernel/look/head.bpf.h"
#include "vm/kernel/look/marked.bpf.h"
#include "vm/kernel/look/parse.bpf.h"
#include "vm/kernel/shapes.h"
#include "vm/packet/parse/header.h"
#include "vm/pbc.h"

uint64_t kernel_later_follow(struct kpkt *k);
uint64_t kernel_later_keep(struct kpkt *k);
extern struct kernel_port state_ports[];
extern char map_others; /* key: ifindex */

uint64_t kernel_flow_look(struct kpkt *k); /* defined in flow.bpf.c */
uint64_t kernel_flow_see(struct kpkt *k, bool opened);
bool kernel_flow_is_turned(struct kpkt *k NONNULL);
extern struct gate_config state_gate;
uint64_t kernel_gate_xdp(struct xdp_md *ctx, struct kpkt *k); /* defined in gate.bpf.c */
uint64_t kernel_gate_in(struct __sk_buff *ctx, struct kpkt *k);
uint64_t kernel_gate_tc(struct __sk_buff *ctx, struct kpkt *k);
uint64_t kernel_is_opened_xdp(struct xdp_md *ctx, struct kpkt *k); /* defined in opened.bpf.c */
uint64_t kernel_is_opened_in(struct __sk_buff *ctx, struct kpkt *k);
uint64_t kernel_spliced_xdp(struct xdp_md *ctx, struct kpkt *k); /* defined in splice_pass.bpf.c */
uint64_t kernel_spliced_in(struct __sk_buff *ctx, struct kpkt *k);
extern struct splice_head state_splices;
extern const char last_splice_slots;

/* The frame in the form that its hook gives. */
struct frame {
    struct xdp_md *xdp; /* NULL: skb */
    struct __sk_buff *skb;
};

/* Return the bounds of the frame's contiguous bytes. */
inline_whole uint8_t *first_byte(const struct frame *f)
{
    return (uint8_t *)(long)(f->xdp ? f->xdp->data : f->skb->data);
}
inline_whole const uint8_t *end_byte(const struct frame *f)
{
    return (const uint8_t *)(long)(f->xdp ? f->xdp->data_end : f->skb->data_end);
}

/* Keep all findings so far in the packet. The kernel's verifier forgets its knowledge of the paths to here, and so
 * follows only one of them from here on. */
#define LOOK_STEP(k) __asm__ volatile("" : "+r"(k) : : "memory")

/* Take the copied bytes as the head, without those that a process added to a frame too short to be run. */
inline_whole void set_head(struct kpkt *k, uint64_t len)
{
    k->head_len = (uint32_t)len;
    k->pkt.head_len = least_len((uint32_t)len, k->pkt.cap_len);
}

/* Copy at most `most` bytes of the frame into the head. */
inline_whole void load(struct kpkt *k, const struct frame *f, uint32_t most)
{
    uint64_t len = k->frame_len < most ? k->frame_len : most;
    __asm__ volatile("" : "+r"(len)); /* makes the compiler pass the bounded number */
    len = ((len - 1) & (KERNEL_HEAD - 1)) +
          1; /* all verifiers see a length of 1 to KERNEL_HEAD; 0 becomes the largest, and fails */
    __asm__ volatile("" : "+r"(len));
    const long failed = f->xdp ? bpf_xdp_load_bytes(f->xdp, 0, k->head, (uint32_t)len)
                               : bpf_skb_load_bytes(f->skb, kpkt_skip(k), k->head, (uint32_t)len);
    set_head(k, failed ? 0 : len);
}

inline_whole void copy_head(struct kpkt *k, const struct frame *f)
{
    const uint64_t len = k->frame_len;
    if (state_world.reach > HEAD_AHEAD && len > HEAD_AHEAD)
        load(k, f, KERNEL_HEAD);
    else if (!kpkt_skip(k) && head_ahead(k->head, first_byte(f), end_byte(f), len))
        set_head(k, len < HEAD_AHEAD ? len : HEAD_AHEAD);
    else
        load(k, f, HEAD_AHEAD);
}

/* True if bytes not copied yet matter: the packet is unusual, flows are followed by these bytes (quotes of errors,
 * chunks), or they may be a DNS question. */
inline_whole bool asks_more(const struct kpkt *k)
{
    return k->pkt.reason != REASON_NONE || settle_hears(k) ||
           (state_world.flags & PBC_KEEPS_FLOWS && k->key.kind & (KIND_ICMP | KIND_ICMP6 | KIND_SCTP));
}

/* Find the IP header that the bytes begin with. */
inline_whole void bytes_of_bare(struct express_bytes *b)
{
    b->ip = b->frame;
    if (b->frame + IP4_LEN > b->end) return;
    const uint8_t version = b->frame[0] >> 4;
    b->type = version == 4 ? htobe16(ETHER_IP4) : version == 6 ? htobe16(ETHER_IP6) : 0;
}

/* Return the packet's bytes and the place of its IP header: behind an Ethernet header with at most one tag, or
 * first. */
inline_whole struct express_bytes bytes_of(const struct frame *f)
{
    struct express_bytes b = {.frame = first_byte(f), .end = end_byte(f)};
    if (FORM_LINK == LINK_RAW) {
        bytes_of_bare(&b);
        return b;
    }
    if (b.frame + TAGGED_LEN + IP4_LEN > b.end) return b;
    uint16_t type = wire_raw16(b.frame + ETHER_TYPE_AT);
    uint32_t l3 = ETHER_LEN;
    if (type == htobe16(ETHER_VLAN)) {
        l3 = TAGGED_LEN;
        type = wire_raw16(b.frame + TAGGED_LEN - 2);
    }
    b.l3 = LOOSE(l3);
    b.ip = b.frame + BELOW_64(b.l3);
    if (b.ip + IP4_LEN <= b.end) b.type = type;
    return b;
}

/* Read the frame's tag, if it has one: from its bytes, or as the kernel took it off. False: the frame has more tags,
 * or is of another kind. */
inline_whole bool read_outer(const struct kpkt *k, const struct express_bytes *b, struct outer *o)
{
    uint32_t kind = KIND_ETHER | KIND_ETHERTYPE;
    const bool tag = b->l3 != ETHER_LEN;
    if (k->pkt.link != FORM_LINK) return false;
    if (FORM_LINK == LINK_RAW) {
        o->kind = KIND_ETHERTYPE;
        return !k->pkt.tag_count;
    }
    if (k->pkt.tag_count) {
        if (k->pkt.tag_count > 1 || k->pkt.tags[0].tpid != ETHER_VLAN || tag) return false;
        kind |= KIND_VLAN;
        o->vlan = k->pkt.tags[0].tci & VLAN_VID;
    } else if (tag) {
        kind |= KIND_VLAN;
        o->vlan = wire_get16(b->frame + ETHER_LEN) & VLAN_VID;
    }
    o->kind = LOOSE(kind);
    o->l3 = b->l3;
    o->tag = tag;
    return true;
}

/* Shapes of TCP and UDP, the only protocols with ordinary packets, as constants for the compiler. */
static const struct shape shape_tcp = SHAPE_OF_TCP, shape_udp = SHAPE_OF_UDP;

/* Read a frame of TCP or UDP over IP with one tag at most in place, if its headers are contiguous. */
inline_whole enum express_read read_there(struct kpkt *k, struct express_bytes *b)
{
    struct outer o = {0};
    if (!b->type || !read_outer(k, b, &o)) return EXPRESS_NOT;
    const uint64_t there = (uint64_t)(b->end - b->frame), len = there < HEAD_AHEAD ? there : HEAD_AHEAD;
    set_head(k, len);
    if (b->type == htobe16(ETHER_IP4)) {
        if (b->ip + IP4_LEN + UDP_LEN > b->end) return EXPRESS_NOT;
        if (b->ip[IP4_PROTO] == IPPROTO_NR_TCP && b->ip + IP4_LEN + TCP_LEN <= b->end)
            return express_read4(b->ip, &k->pkt, &k->key, &o, &shape_tcp);
        if (b->ip[IP4_PROTO] == IPPROTO_NR_UDP) return express_read4(b->ip, &k->pkt, &k->key, &o, &shape_udp);
        return EXPRESS_NOT;
    }
    if (b->type != htobe16(ETHER_IP6) || b->ip + IP6_LEN + UDP_LEN > b->end) return EXPRESS_NOT;
    if (b->ip[IP6_NEXT] == IPPROTO_NR_TCP && b->ip + IP6_LEN + TCP_LEN <= b->end)
        return express_read6(b->ip, &k->pkt, &k->key, &o, &shape_tcp);
    if (b->ip[IP6_NEXT] == IPPROTO_NR_UDP) return express_read6(b->ip, &k->pkt, &k->key, &o, &shape_udp);
    return EXPRESS_NOT;
}

/* Copy and parse the frame: key and offsets become those of pkt_parse. */
inline_whole void read_frame(struct kpkt *k, const struct frame *f)
{
    copy_head(k, f);
    LOOK_STEP(k);
    if (k->found == EXPRESS_NOT || !k->head_len)
        kernel_parse(k);
    else
        kernel_parse_rest(k, k->found == EXPRESS_BAD_SUM);
    LOOK_STEP(k);
    if (!asks_more(k) || k->head_len >= KERNEL_HEAD || k->head_len >= k->frame_len) return;
    load(k, f, KERNEL_HEAD);
    if (k->pkt.reason != REASON_NONE) kernel_parse_carefully(k);
}

/* Return why a frame that could not be read in place takes the long way, once it is parsed. */
inline_whole enum kernel_long why_not_read(const struct kpkt *k)
{
    const uint32_t kind = k->key.kind;
    if (!(kind & KIND_IP)) return KERNEL_LONG_OTHER;
    if (k->pkt.reason != REASON_NONE) return KERNEL_LONG_MALFORMED;
    if (kind & KIND_FRAGMENT) return KERNEL_LONG_FRAGMENT;
    if (kind & KIND_OPTIONS || k->pkt.ext_headers) return KERNEL_LONG_OPTIONS;
    if (!(kind & (KIND_TCP | KIND_UDP))) return KERNEL_LONG_PROTOCOL;
    if (kind & KIND_VLAN2 || (kind & KIND_VLAN && k->pkt.l3 == ETHER_LEN + VLAN_LEN)) return KERNEL_LONG_TAGS;
    return KERNEL_LONG_PIECES;
}

/* Count a packet that takes the long way, by its reason. */
inline_whole void count_long(struct kpkt *k)
{
    if (k->flags & KERNEL_ONLY_JUDGE) return;
    if (k->found == EXPRESS_NOT) k->missed = (uint8_t)why_not_read(k);
    if (k->found == EXPRESS_BAD_SUM) k->missed = KERNEL_LONG_SUM;
    static_assert(KERNEL_LONGS <= 32, "the mask spares each reason");
    settle_counters()->longs[k->missed & 31]++;
}

/* Mark the host's own packets as sent, even without an own address (DHCP, duplicate address detection). */
inline_whole void settle_sent(struct kpkt *k, const struct frame *f)
{
    if (f->xdp || f->skb->ingress_ifindex) return; /* XDP, or the host sends on a packet that arrived elsewhere */
    if (!kpkt_is_sent(k) || !(k->key.kind & KIND_IN)) return;
    if (!(state_world.facts.self4_count | state_world.facts.self6_count)) return; /* as in facts_have_self */
    k->key.kind = (k->key.kind & ~(uint32_t)KIND_IN) | KIND_OUT;
}

/* True for a packet that arrives with an own source address. Judged as sent, it would begin flows. */
inline_whole bool is_spoofed(const struct kpkt *k)
{
    const uint32_t own = k->key.kind & (KIND_IP | KIND_SRC_SELF);
    return own & KIND_SRC_SELF && own & KIND_IP && !(k->flags & (KERNEL_ASKED | KERNEL_EGRESS));
}

/* Set the facts that the parser lacks: the bridge that is crossed, the interface's id in rules, and the present
 * schedules. */
inline_whole void settle_key(struct kpkt *k)
{
    const struct facts *facts = &state_world.facts;
    struct key *key = &k->key;
    key->marks |= facts->schedules << MARK_SCHEDULES;
    settle_iface(k);
    if (!facts->bridges || k->pkt.iface >= KERNEL_WAYS || !state_ways[k->pkt.iface & (KERNEL_WAYS - 1)].bridged) return;
    key->kind &= ~(uint32_t)(KIND_IN | KIND_OUT | KIND_SRC_SELF | KIND_DST_SELF);
    key->kind |= KIND_FORWARD;
}

/* True for a packet of an interface that is shut in its direction. */
inline_whole bool is_shut(const struct kpkt *k)
{
    const uint32_t at = k->pkt.iface;
    if (!state_world.facts.shuts || at >= KERNEL_WAYS) return false;
    const struct kernel_way *way = &state_ways[at & (KERNEL_WAYS - 1)];
    return key_is_shut(&k->key, way->shut, state_world.facts.bridges && way->bridged);
}

/* True for a bare packet that has a tag, or that the device marks as not IP, whatever its bytes are. No rule can
 * test it. (A packet whose bytes are of the other IP version is judged by them, and the stack drops it.) */
inline_whole bool is_stray(const struct kpkt *k, const struct frame *f)
{
    if (FORM_LINK != LINK_RAW || k->flags & KERNEL_ASKED) return false;
    const uint16_t type = (uint16_t)f->skb->protocol;
    return f->skb->vlan_present || (type != htobe16(ETHER_IP4) && type != htobe16(ETHER_IP6));
}

/* True for a fragment, if the program decides later fragments as their first one. */
inline_whole bool follows(const struct kpkt *k)
{
    return k->key.kind & KIND_FRAGMENT && state_world.flags & PBC_FOLLOWS_FRAGMENTS;
}

/* Return the reason to go up unjudged, or KERNEL_UP_NONE. */
inline_whole enum kernel_up why_up(const struct kpkt *k)
{
    if (k->pkt.flags & PKT_NOT_LINEAR) return KERNEL_UP_HEAD;
    if (follows(k) && !kpkt_is_left(k)) return KERNEL_UP_FRAGMENT;
    if (state_world.reach > KERNEL_HEAD && k->pkt.cap_len > KERNEL_HEAD) return KERNEL_UP_HEAD;
    return KERNEL_UP_NONE;
}

/* True if the packet belongs to a connection of the proxy, in the host's stack: such a packet passes unchanged. */
inline_whole bool is_carried(struct kpkt *k, const struct frame *f)
{
    if (!state_gate.any || k->flags & (KERNEL_ASKED | KERNEL_FOREIGN)) return false;
    if (!(k->key.kind & KIND_TCP) && !settle_is_error(&k->key)) return false;
    if (f->xdp) return kernel_gate_xdp(f->xdp, k);
    return k->flags & KERNEL_EGRESS ? kernel_gate_tc(f->skb, k) : kernel_gate_in(f->skb, k);
}

/* True for a packet that arrives for this machine from the middle of a connection without a known flow, while such
 * packets may begin one. */
inline_whole bool may_be_opened(const struct kpkt *k)
{
    const struct track_seen *s = &k->seen;
    if (k->flags & (KERNEL_STAYS | KERNEL_ASKED) || s->picks == PICKS_NONE) return false;
    if (s->class != SEEN_NEW || s->mark != MARK_NEW || k->key.marks & TCP_SYN) return false;
    return (k->key.kind & (KIND_TCP | KIND_DST_SELF)) == (KIND_TCP | KIND_DST_SELF);
}

inline_whole bool is_opened(struct kpkt *k, const struct frame *f)
{
    return f->xdp ? kernel_is_opened_xdp(f->xdp, k) : kernel_is_opened_in(f->skb, k);
}

/* Send a segment of a spliced connection, read or parsed. True: the segment leaves now. The headers of a socket
 * buffer must be in k->head. */
inline_whole bool is_spliced(struct kpkt *k, const struct frame *f)
{
    if (FORM_LINK != LINK_ETHER || !IS_MORE(LAST(splice_slots)) || !state_splices.live) return false;
    if (f->xdp) return kernel_spliced_xdp(f->xdp, k);
    return !(k->flags & KERNEL_EGRESS) && kernel_spliced_in(f->skb, k);
}

/* Do the same for a packet read in place in a socket buffer. Its bytes are located again, because for the kernel's
 * verifier they may have moved. */
inline_whole bool is_spliced_there(struct kpkt *k, const struct frame *f)
{
    if (FORM_LINK != LINK_ETHER || !IS_MORE(LAST(splice_slots)) || !state_splices.live) return false;
    if (k->found != EXPRESS_GOOD) return false;
    if (k->flags & KERNEL_EGRESS) return false;
    const struct express_bytes b = bytes_of(f);
    return express_copy(k->head, &b) && is_spliced(k, f);
}

/* True if nats look at packets that leave by the buffer's interface after the host has routed them
 * (settle_nat_looks). They always look at packets that a process gave to the host, because the host's routes may
 * know more by then. */
inline_whole bool nats_look(const struct __sk_buff *ctx)
{
    const struct kernel_port *port = &state_ports[ctx->ifindex & (KERNEL_PORTS - 1)];
    if (ctx->vlan_present) return false; /* a tagged packet leaves by a VLAN device */
    const bool given = ctx->ingress_ifindex && ctx->ingress_ifindex == state_world.given;
    const bool looks = given || state_world.nats_leave || !state_world.knows_routes;
    return looks && port->ifindex == ctx->ifindex && port->nats;
}

/* Let a packet pass that no nat translates on its way out. Its later fragments are decided as the first. */
inline_whole enum stage routed_pass(struct kpkt *k)
{
    if (k->key.kind & KIND_FRAG_LATER || !(k->key.kind & KIND_FRAGMENT)) return STAGE_NONE;
    k->decision = decided_by_nobody(ACTION_ACCEPT);
    k->would = 0;
    kernel_later_keep(k);
    return STAGE_NONE;
}

/* True for a reply or an error that user space translated and gave to the host, and that the host sends by a nat's
 * interface. */
inline_whole bool was_turned(struct kpkt *k) { return !k->came && kernel_flow_is_turned(k); }

/* Look up the flow of a packet that was judged on arrival and that the host has routed; for a later fragment, look
 * up the first one. A packet that can't be read or looked up here goes up, too, because a nat may have to translate
 * it. */
inline_whole enum stage routed_look(struct kpkt *k)
{
    bool unsure = k->up != KERNEL_UP_NONE || k->pkt.reason != REASON_NONE;
    if (!unsure && k->key.kind & KIND_FRAG_LATER) {
        kernel_later_follow(k);
        if (k->pkt.reason == REASON_NONE) return STAGE_NONE;
        unsure = true;
    }
    if (!unsure) unsure = kernel_flow_look(k) != KERNEL_UP_NONE;
    if (!unsure && (was_turned(k) || !settle_nat_looks(k))) return routed_pass(k);
    k->up = KERNEL_UP_ROUTED;
    return STAGE_ACT;
}

inline_whole void packet_begin(struct kpkt *k)
{
    if (!(k->flags & KERNEL_ASKED)) k->serial++;
    k->program = state_world.program;
    k->cuts = state_world.cuts;
    k->branch = PBC_NONE;
    k->mirrors = 0;
    k->out = KERNEL_NONE;
    k->said = 0;
    k->nowhere = 0;
    k->heard = 0;
    k->seen.class = SEEN_NONE;
    k->turn = 0;
}

inline_whole enum stage packet_look(struct kpkt *k, const struct frame *f)
{
    read_frame(k, f);
    LOOK_STEP(k);
    if (!(k->flags & KERNEL_ROUTED)) count_long(k);
    LOOK_STEP(k);
    settle_key(k);
    settle_sent(k, f);
    if (is_stray(k, f)) k->pkt.reason = REASON_BAD_IP_VERSION;
    if (is_spoofed(k) && k->pkt.reason == REASON_NONE) k->pkt.reason = REASON_OWN_SOURCE;
    if (is_shut(k) && k->pkt.reason == REASON_NONE) k->pkt.reason = REASON_UNJUDGED;
    const bool refused = k->pkt.reason == REASON_OWN_SOURCE || k->pkt.reason == REASON_UNJUDGED;
    k->up = (uint8_t)(refused ? KERNEL_UP_NONE : why_up(k));
    if (k->flags & KERNEL_ROUTED) return routed_look(k);
    if (k->up != KERNEL_UP_NONE || k->pkt.reason != REASON_NONE) return STAGE_ACT;
    if (k->found == EXPRESS_NOT && k->key.kind & KIND_IP6 && is_spliced(k, f)) return STAGE_SEND;
    if (is_carried(k, f)) return STAGE_NONE;
    if (follows(k) && k->key.kind & KIND_FRAG_LATER) {
        kernel_later_follow(k);
        return STAGE_ACT;
    }
    if (state_world.flags & PBC_KEEPS_FLOWS) {
        k->up = (uint8_t)kernel_flow_look(k);
        if (is_marked(k)) k->up = KERNEL_UP_INLINE;
        if (k->up != KERNEL_UP_NONE) return STAGE_ACT;
        if (may_be_opened(k) && is_opened(k, f)) kernel_flow_see(k, true);
    }
    /* Replies of bound flows are not judged. */
    return k->flags & KERNEL_ORDINARY && k->seen.twin ? STAGE_ACT : STAGE_JUDGE;
}

/* Return the coarse time. The clock moves with the timer's ticks, whose number is in memory: so the clock is read
 * once per tick. */
inline_whole uint64_t coarse(struct kpkt *k)
{
    const uint64_t tick = bpf_jiffies64();
    if (k->tick != tick) {
        k->tick = tick;
        k->tick_ns = bpf_ktime_get_coarse_ns();
    }
    return k->tick_ns;
}

inline_whole uint64_t now(struct kpkt *k)
{
    if (state_world.clock == KERNEL_CLOCK_FINE) return bpf_ktime_get_ns();
    return state_world.clock == KERNEL_CLOCK_COARSE ? coarse(k) : 0;
}

/* Set the facts about a frame that arrives or leaves, if no process asks about it. */
inline_whole void arrive(struct kpkt *k, uint32_t ifindex, enum kernel_flag flags)
{
    const struct kernel_port *port = &state_ports[ifindex & (KERNEL_PORTS - 1)];
    const bool known = port->ifindex == ifindex;
    k->pkt.cap_len = k->pkt.wire_len = k->frame_len;
    k->pkt.iface = known ? port->iface : IFACE_NONE;
    k->pkt.link = FORM_LINK;
    k->served = known ? port->served : KERNEL_SERVED - 1;
    k->pkt.outcome = 0;
    k->pkt.tag_count = 0;
    k->pkt.segment = 0;
    k->came = 0;
    k->now_ns = now(k);
    k->ifindex = ifindex;
    k->flags = (uint16_t)(flags | (known && port->software ? KERNEL_SOFTWARE : 0));
}

/* Return the interface's MAC; 0: unknown, or all frames count as the interface's own. */
inline_whole uint64_t own_mac(uint32_t ifindex)
{
    const struct kernel_port *port = &state_ports[ifindex & (KERNEL_PORTS - 1)];
    return port->ifindex == ifindex ? port->mac : 0;
}

/* Return KERNEL_FOREIGN for a socket buffer that is for another station: the kernel itself has compared the address. */
inline_whole enum kernel_flag foreign_buffer(const struct __sk_buff *ctx)
{
    return ctx->pkt_type == PACKET_OTHERHOST && own_mac(ctx->ifindex) ? KERNEL_FOREIGN : 0;
}

/* Let a packet leave unjudged that the process itself sends. The mark is cleared, because other programs use marks,
 * too.
 *
 * By a software device the packet leaves as a clone, which reaches this hook again: the socket stays with the
 * original (README.md). */
inline_whole int leave_ours(struct __sk_buff *ctx)
{
    enum { NOWHERE = 0 }; /* no interface: the original ends here, and counts as sent */
    const struct kernel_port *port = &state_ports[ctx->ifindex & (KERNEL_PORTS - 1)];
    const bool clones = port->clones && port->ifindex == ctx->ifindex && ctx->sk;
    if (clones && !bpf_clone_redirect(ctx, ctx->ifindex, 0)) return (int)bpf_redirect(NOWHERE, 0);
    ctx->mark = 0;
    return TC_ACT_UNSPEC;
}

/* Return the incoming device of a packet that the host sends, as far as it is known. `as` is 0 if this machine made
 * the packet, or the process gave it to the host. */
inline_whole struct kernel_other came_by(const struct __sk_buff *ctx)
{
    const uint32_t from = ctx->ingress_ifindex;
    const struct kernel_port *port = &state_ports[from & (KERNEL_PORTS - 1)];
    if (!from || state_world.given == from) return (struct kernel_other){.judged = from != 0};
    if (port->ifindex == from) return (struct kernel_other){.as = (uint16_t)(known_as(port->iface) + 1), .judged = 1};
    const struct kernel_other *other = bpf_map_lookup_elem(&map_others, &from);
    return other ? *other : (struct kernel_other){.as = (uint16_t)(IFACE_OTHER + 1)};
}

inline_whole void arrive_tc(struct kpkt *k, const struct __sk_buff *ctx, enum kernel_flag flags)
{
    arrive(k, ctx->ifindex, flags);
    k->pkt.segment = (uint16_t)ctx->gso_size;
    if (!ctx->vlan_present) return;
    k->pkt.tag_count = 1; /* the tag that the kernel took off */
    k->pkt.tags[0].tpid = be16toh((uint16_t)ctx->vlan_proto);
    k->pkt.tags[0].tci = (uint16_t)ctx->vlan_tci;
}

/* Send the edited packet, unless there was no memory for the edit. */
inline_whole int leave_buffer(struct __sk_buff *ctx, struct kpkt *k)
{
    return k->out == KERNEL_SEND ? buffer_leave(ctx, k) : TC_ACT_SHOT;
}

/* Look at a socket buffer: an arriving one (by look_in), or one that the host sends. */
inline_whole int look_at(struct __sk_buff *ctx)
{
    struct kpkt *k = kpkt_tc(ctx);
    const struct frame f = {.skb = ctx};
    const bool arrives = k->arrives;
    k->arrives = false;
    if (!arrives) k->skip = 0;
    k->frame_len = ctx->len - kpkt_skip(k);
    if (k->flags & KERNEL_ASKED) {
        k->flags &= KERNEL_SAID;
    } else {
        if (!arrives && ctx->mark == state_world.ours) return leave_ours(ctx);
        const struct kernel_other came = arrives ? (struct kernel_other){0} : came_by(ctx);
        if (came.judged && !nats_look(ctx)) return TC_ACT_UNSPEC;
        arrive_tc(k, ctx, arrives ? foreign_buffer(ctx) : KERNEL_EGRESS | (came.judged ? KERNEL_ROUTED : 0));
        k->came = came.as;
    }
    packet_begin(k);
    LOOK_STEP(k);
    struct express_bytes bytes = bytes_of(&f);
    k->found = EXPRESS_NOT;
    if (!(k->flags & KERNEL_ROUTED) && !kpkt_skip(k) && !is_stray(k, &f)) k->found = read_there(k, &bytes);
    const uint32_t out = k->found == EXPRESS_GOOD ? express(k, &bytes, ctx) : KERNEL_NONE;
    if (out == KERNEL_PASS) return TC_ACT_UNSPEC;
    if (out != KERNEL_NONE) return leave_buffer(ctx, k);
    LOOK_STEP(k);
    if (is_spliced_there(k, &f)) return leave_buffer(ctx, k);
    LOOK_STEP(k);
    switch (packet_look(k, &f)) {
    case STAGE_JUDGE: bpf_tail_call(ctx, &map_stages_tc, STAGE_JUDGE); break;
    case STAGE_ACT: bpf_tail_call(ctx, &map_stages_tc, STAGE_ACT); break;
    case STAGE_LOOK:
    case STAGE_LOOK_BARE:
    case STAGE_NONE: return TC_ACT_UNSPEC;
    case STAGE_SEND: return leave_buffer(ctx, k);
    }
    count_uncalled(k);
    return TC_ACT_SHOT;
}

/* If SYNs are clamped, make the host hash arriving packets by their headers. A SYN comes to the host through a
 * process, and has no hash from a card; so the host chooses the same of several ways for it and for other packets. */
inline_whole void hash_alike(struct __sk_buff *ctx)
{
    if (count_program(state_world.program)->flags & KERNEL_CLAMPS) bpf_set_hash_invalid(ctx);
}

/* True if the packet begins `skip` bytes behind the buffer's first byte: then the last linear byte of the packet is
 * the buffer's last. */
inline_whole bool begins_at(struct __sk_buff *ctx, uint32_t skip)
{
    uint8_t byte;
    const uint32_t linear = ctx->data_end - ctx->data;
    const uint32_t last = linear - skip - 1;
    if (linear <= skip || bpf_skb_load_bytes_relative(ctx, last, &byte, 1, BPF_HDR_START_NET)) return false;
    return bpf_skb_load_bytes_relative(ctx, last + 1, &byte, 1, BPF_HDR_START_NET) != 0;
}

/* Return the number of bytes before a packet that arrives by a device without Ethernet: 0 or, if IPsec has decrypted
 * the packet, the length of its frame's Ethernet header (xfrm_input keeps it). A frame of any other length is read
 * as a packet, which is malformed then. */
inline_whole uint8_t look_skip(struct __sk_buff *ctx)
{
    const struct kernel_port *port = &state_ports[ctx->ifindex & (KERNEL_PORTS - 1)];
    if (FORM_LINK != LINK_RAW || port->ifindex != ctx->ifindex || !port->opens) return 0;
    return begins_at(ctx, ETHER_LEN) ? ETHER_LEN : 0;
}

/* Hand an arriving packet to the stage `look` of packets that the host sends: one program is verified for both. */
inline_whole int look_arrived(struct __sk_buff *ctx, enum stage look)
{
    struct kpkt *k = kpkt_here();
    hash_alike(ctx);
    k->skip = look_skip(ctx);
    k->arrives = true;
    bpf_tail_call(ctx, &map_stages_tc, look);
    k->arrives = false; /* reached only if the stages are gone */
    return TC_ACT_SHOT;
}
