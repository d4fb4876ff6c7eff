/* The host's packets of proxied connections, which pass unjudged: their first packet was judged, and the kernel's
 * own table of sockets shows which connections there are (socket.bpf.h). This code belongs to the first stage,
 * before flows are looked up. It is not run for a process that asks about a frame, because there are no sockets. */
#include "vm/kernel/bpf.h"
#include "vm/kernel/gate.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

extern struct gate_config state_gate;
extern char map_gate_ends, map_gate_wides, map_gate_counts, map_gate_made;

/* Copy words of the packet's head. False: it is too short. */
inline_whole bool head_load(const struct kpkt *k, uint32_t at, void *to, uint32_t len)
{
    const uint8_t *from = k->head + (at & (KERNEL_HEAD - 1));
    if (at + len > k->head_len) return false;
#pragma unroll
    for (uint32_t i = 0; i < len; i += 4) wire_put_raw32((uint8_t *)to + i, wire_raw32(from + i));
    return true;
}
#define LOAD(k, at, to, len) head_load(k, at, to, len)
#include "vm/kernel/socket.bpf.h"

/* True if a struct gate_wide holds the address and port. here: the address is one of the host's own. */
static bool is_in_wide(const struct numbered_ip *a, uint16_t port, bool here)
{
    TURNS(GATE_WIDE)
    for (uint32_t i = 0; LOOP(i < state_gate.wide); i = LOOSE(i + 1)) {
        const struct gate_wide *w = bpf_map_lookup_elem(&map_gate_wides, &i);
        if (!w) return false;
        if (gate_is_within(w, a, port) && (!w->own || here)) return true;
    }
    return false;
}

/* True if the proxy serves the address and port. */
GLOBAL uint64_t kernel_is_served(const struct numbered_ip *addr NONNULL, uint16_t port, bool here)
{
    const struct gate_end end = {.addr = *addr, .port = port};
    const uint8_t *kind = bpf_map_lookup_elem(&map_gate_ends, &end);
    return (kind && *kind & GATE_SERVICE) || (state_gate.wide && is_in_wide(addr, port, here));
}

/* Read the packet's segment if its headers are in the head; for an ICMP error, read the segment that would answer
 * the quoted one. Not inlined, like all functions that need much stack: together they have 512 bytes. */
static __attribute__((noinline)) bool read_segment(struct kpkt *k, struct segment *s)
{
    const bool six = k->key.kind & KIND_IP6;
    if (!(k->key.kind & KIND_TCP)) return segment_quoted(k, k->pkt.l4 + 8u, six, s);
    return (six ? segment_ip6_header(k, k->pkt.l3, s) : segment_ip4_header(k, k->pkt.l3, s)) &&
           segment_tcp(k, k->pkt.l4, s);
}

static __attribute__((noinline)) bool is_known(void *ctx, struct segment *s, bool quoted)
{
    return quoted ? segment_has_socket(ctx, s) : segment_is_known(ctx, s, &map_gate_made);
}

static inline void count_passed(const struct kpkt *k)
{
    const uint32_t at = k->ifindex % GATE_COUNTS;
    struct gate_count *count = bpf_map_lookup_elem(&map_gate_counts, &at);
    if (!count) return;
    count->passed++;
    count->passed_bytes += k->pkt.wire_len;
}

/* True if an arriving packet belongs to a connection of the proxy, and so to the host: any segment to a service
 * except an opener; a server's reply, if the proxy uses clients' addresses there; an ICMP error about packets of
 * either. */
static __always_inline bool arrives(void *ctx, struct kpkt *k)
{
    struct segment s = {};
    const bool here = k->key.kind & KIND_DST_SELF, quoted = !(k->key.kind & KIND_TCP);
    if (!read_segment(k, &s) || (!quoted && segment_opens(&s))) return false;
    if (!(state_gate.returns && !here) && !kernel_is_served(&s.to, s.to_port, here)) return false;
    return is_known(ctx, &s, quoted);
}

/* Return 1 if the packet, TCP or an ICMP error, passes to the host unchanged; 0: it is treated like any other. */
GLOBAL uint64_t kernel_gate_xdp(struct xdp_md *ctx, struct kpkt *k NONNULL)
{
    const bool passes = arrives(ctx, k);
    if (passes) count_passed(k);
    return passes;
}

GLOBAL uint64_t kernel_gate_in(struct __sk_buff *ctx, struct kpkt *k NONNULL)
{
    const bool passes = arrives(ctx, k);
    if (passes) count_passed(k);
    return passes;
}

/* Do the same for the host's packets: from a service's address and port, or with a client's address from a socket. */
GLOBAL uint64_t kernel_gate_tc(struct __sk_buff *ctx, struct kpkt *k NONNULL)
{
    struct segment s = {};
    const bool here = k->key.kind & KIND_SRC_SELF;
    if (!(k->key.kind & KIND_TCP) || !read_segment(k, &s)) return 0;
    if (state_gate.returns && !here && ctx->sk) return 1;
    return kernel_is_served(&s.from, s.from_port, here);
}
