/* Send packets up from traffic control, through the ring of their interface (gate.h). */
#include "vm/kernel/act/up.bpf.h"
#include "vm/kernel/copy/partial.bpf.h"
#include "vm/kernel/ring.bpf.h"

extern char map_rings; /* index: kernel_port.served */

_Static_assert((int)KERNEL_RAISED_MOST == (int)RING_FRAME_MOST, "records of a ring");

static inline void raised_fill(struct kernel_raised *r, const struct kpkt *k, uint32_t len)
{
    r->len = len;
    r->segment = k->pkt.segment;
    r->flags = frame_is_left(k) ? PKT_CSUM_PARTIAL : 0;
    r->tag_count = k->pkt.tag_count;
    kpkt_put_tags(r->tags, k);
    up_say(&r->note, k);
}
#define FILL(r)                raised_fill(r, k, len)
#define LOAD(ctx, at, to, len) bpf_skb_load_bytes(ctx, (at) + skip, to, len)

/* Share of a ring, in bytes, for DNS answers, and for datagrams and pings that begin flows: a flood of them delays
 * connections only by the worker's time for this share. */
enum { SHARE = KERNEL_RAISED_BYTES / 8 };

static inline bool ring_is_over(void *ring, const struct kpkt *k)
{
    const bool begins = k->up == KERNEL_UP_BEGIN && k->seen.class == SEEN_NEW;
    return (begins || k->up == KERNEL_UP_NAMES) && !(k->key.kind & KIND_TCP) &&
           bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) > SHARE;
}

/* Put the frame into the ring of its interface. Return 0, or 1: no ring, or no room. */
GLOBAL uint64_t kernel_raise(struct __sk_buff *ctx, struct kpkt *k NONNULL)
{
    const uint32_t at = k->served;
    void *ring = bpf_map_lookup_elem(&map_rings, &at);
    const uint32_t skip = k->skip;
    uint32_t len = ctx->len - skip;
    if (!ring || ring_is_over(ring, k)) return 1;
    RING_PUT(ring, struct kernel_raised, FILL, LOAD, 0, 1)
}
