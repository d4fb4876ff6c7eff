/* Connections that this machine opened before flows were followed. A connection that only receives would wait for
 * ever: its segments have no flow, and this machine sends nothing before it gets a segment. The kernel's own table
 * of sockets knows the connection. The first stage asks this table if it has found no flow. Such a segment begins no
 * flow, so the judging of this machine's packets does not change. */
#include "vm/kernel/bpf.h"
#include "vm/packet/wire.h"

/* Return the state of the tuple's socket: BPF_TCP_…; 0: none. */
static __always_inline uint32_t socket_state(void *ctx, struct bpf_sock_tuple *t, uint32_t len)
{
    struct bpf_sock *sk = bpf_skc_lookup_tcp(ctx, t, len, BPF_F_CURRENT_NETNS, 0);
    if (!sk) return 0;
    const uint32_t state = sk->state;
    bpf_sk_release(sk);
    return state;
}

/* True between the end of the handshake and the end of the connection. */
static __always_inline bool is_connected(uint32_t state)
{
    const uint32_t states = 1u << BPF_TCP_ESTABLISHED | 1u << BPF_TCP_FIN_WAIT1 | 1u << BPF_TCP_FIN_WAIT2 |
                            1u << BPF_TCP_CLOSE_WAIT | 1u << BPF_TCP_CLOSING | 1u << BPF_TCP_LAST_ACK;
    return states >> (state & 31) & 1;
}

/* True if this machine opened the connection: it is connected, and no socket listens at its port. A lookup for a
 * port without a connection finds the listener. */
static __always_inline bool is_opened4(void *ctx, const struct key *key)
{
    struct bpf_sock_tuple t = {
        .ipv4 = {htobe32(key->src[0]), htobe32(key->dst[0]), htobe16(key->src_port), htobe16(key->dst_port)}};
    if (!is_connected(socket_state(ctx, &t, sizeof t.ipv4))) return false;
    t.ipv4.sport = 0;
    return socket_state(ctx, &t, sizeof t.ipv4) != BPF_TCP_LISTEN;
}

static __always_inline bool is_opened6(void *ctx, const struct key *key)
{
    struct bpf_sock_tuple t = {.ipv6 = {.sport = htobe16(key->src_port), .dport = htobe16(key->dst_port)}};
#pragma unroll
    for (unsigned i = 0; i < 4; i++) {
        t.ipv6.saddr[i] = htobe32(key->src[i]);
        t.ipv6.daddr[i] = htobe32(key->dst[i]);
    }
    if (!is_connected(socket_state(ctx, &t, sizeof t.ipv6))) return false;
    t.ipv6.sport = 0;
    return socket_state(ctx, &t, sizeof t.ipv6) != BPF_TCP_LISTEN;
}

/* True if a TCP segment that arrives for this machine belongs to a connection that this machine opened. */
GLOBAL uint64_t kernel_is_opened_xdp(struct xdp_md *ctx, struct kpkt *k NONNULL)
{
    return k->key.kind & KIND_IP6 ? is_opened6(ctx, &k->key) : is_opened4(ctx, &k->key);
}
GLOBAL uint64_t kernel_is_opened_in(struct __sk_buff *ctx, struct kpkt *k NONNULL)
{
    return k->key.kind & KIND_IP6 ? is_opened6(ctx, &k->key) : is_opened4(ctx, &k->key);
}
