/* Copy frames to a process, and clone them to devices (events.h). */
#include "vm/kernel/copy/copy.bpf.h"

#include "vm/kernel/copy/partial.bpf.h"
#include "vm/kernel/ring.bpf.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

extern struct kernel_mirror state_mirrors[];
extern const char mask_mirrors;
extern char map_copied;

/* Bytes waiting in the ring above which the reader is woken; the reader also looks by itself. */
enum { WAITS_MOST = KERNEL_COPIED_BYTES / 4 };

static inline uint64_t wakes(void)
{
    return bpf_ringbuf_query(&map_copied, BPF_RB_AVAIL_DATA) > WAITS_MOST ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

static inline struct kernel_mirror *mirror_at(const struct kpkt *k, uint32_t id)
{
    const uint64_t row = k->program & (KERNEL_PROGRAMS - 1);
    return &state_mirrors[(row * PBC_MIRRORS_MAX + (id & (PBC_MIRRORS_MAX - 1))) & MASK(mirrors)];
}

/* Return the number of the lowest bit that is set. */
static inline uint32_t lowest(uint64_t bits)
{
    const uint64_t one = bits & -bits;
    return (one & UINT64_C(0xaaaaaaaaaaaaaaaa) ? 1 : 0) + (one & UINT64_C(0xcccccccccccccccc) ? 2 : 0) +
           (one & UINT64_C(0xf0f0f0f0f0f0f0f0) ? 4 : 0) + (one & UINT64_C(0xff00ff00ff00ff00) ? 8 : 0) +
           (one & UINT64_C(0xffff0000ffff0000) ? 16 : 0) + (one >> 32 ? 32 : 0);
}

/* Count one mirror's lost copy; the remaining mirrors are in the packet (EACH_TURN). */
static long lost_turn(uint32_t turn, void *at)
{
    struct kpkt *k = TURN_OF(struct kpkt, at);
    const uint64_t left = k->asked.left;
    if (!left) return 1;
    __sync_fetch_and_add(&mirror_at(k, lowest(left))->ring, 1);
    k->asked.left = left & (left - 1);
    return 0;
}

/* Count a frame that found no room. Return 0. */
GLOBAL uint64_t kernel_copy_lost(struct kpkt *k NONNULL)
{
    const uint64_t row = k->program & (KERNEL_PROGRAMS - 1) & MASK(copies);
    if (k->asked.observed) __sync_fetch_and_add(&state_copies[row].unseen, 1);
    k->asked.left = k->asked.mirrors;
    if (k->asked.left) EACH_TURN(PBC_MIRRORS_MAX, lost_turn, k);
    return 0;
}

static inline void copied_fill(struct kernel_copied *c, const struct kpkt *k, uint32_t len, uint32_t wire_len,
                               bool edited)
{
    c->program = k->program;
    c->cap_len = len;
    c->wire_len = wire_len;
    c->iface = edited && k->recipe.out_if != IFACE_NONE ? k->recipe.out_if : k->pkt.iface;
    c->segment = k->pkt.segment;
    c->at_ns = bpf_ktime_get_ns();
    c->mirrors = k->asked.mirrors;
    c->observed = k->asked.observed;
    c->served = (uint8_t)(edited && k->recipe.out_if != IFACE_NONE ? KERNEL_SERVED : k->served);
    c->link = k->pkt.link;
    c->flags = edited ? k->pkt.flags & PKT_CSUM_PARTIAL : frame_is_left(k) ? PKT_CSUM_PARTIAL : 0;
    c->tag_count = k->pkt.tag_count;
    c->zero[0] = c->zero[1] = c->zero[2] = 0;
    kpkt_put_tags(c->tags, k);
}

#define FILL(c)       copied_fill(c, k, len, wire_len, edited)
#define PUT_ANY(load) RING_PUT(&map_copied, struct kernel_copied, FILL, load, wakes(), kernel_copy_lost(k))

/* Note in k->asked the receivers of the frame. False: no receiver. A reply of a bound flow is observed as it
 * leaves, and other packets as they came, because the client sees them so. */
static inline bool is_wanted(struct kpkt *k, uint32_t what)
{
    const struct kernel_copies *c = copies_row(k->program);
    const bool reply = k->flags & KERNEL_ORDINARY && k->seen.twin, edited = what == KERNEL_COPY_LEFT;
    const uint8_t action = k->verdict.action;
    const bool lets = action == ACTION_ACCEPT || action == ACTION_FORWARD || action == ACTION_PASS;
    uint64_t bits = what & KERNEL_COPY_CAME ? k->mirrors & ~c->sent : 0;
    bits |= what & KERNEL_COPY_LEFT ? k->mirrors & c->sent : 0;
    if (c->serial != k->program) return false;
    const bool asks = copies_observe(k) && lets && k->out != KERNEL_UP && (reply ? what & KERNEL_COPY_LEFT : !edited);
    k->asked.observed = asks && kernel_is_observed(k, reply);
    k->asked.mirrors = bits;
    return bits || k->asked.observed;
}

/* Return the number of bytes of the frame that are wanted. */
static inline uint32_t wanted_of(const struct kpkt *k, uint32_t len)
{
    const uint32_t snap = copies_row(k->program)->snap;
    return k->asked.observed || snap > len ? len : snap;
}

GLOBAL uint64_t kernel_copy_xdp(struct xdp_md *ctx, struct kpkt *k NONNULL, uint32_t what)
{
    if (k->flags & KERNEL_ASKED || !is_wanted(k, what)) return 0;
    const uint32_t wire_len = (uint32_t)bpf_xdp_get_buff_len(ctx);
    const bool edited = what == KERNEL_COPY_LEFT;
    uint32_t len = wanted_of(k, wire_len);
    PUT_ANY(bpf_xdp_load_bytes)
}

/* Argument of a turn of cloning, on the stack; all else is in the packet (EACH_TURN). */
struct cloning {
    struct __sk_buff *ctx;
    struct kpkt *k;
};

/* Clone the frame to the device of one mirror. Does nothing if the mirror wants only a part, or the frame is too
 * long for the device: the copy then goes through the ring. */
static long clone_turn(uint32_t turn, void *at)
{
    struct __sk_buff *ctx = ((const struct cloning *)at)->ctx;
    struct kpkt *k = ((const struct cloning *)at)->k;
    const uint64_t left = k->asked.left;
    if (!left) return 1;
    struct kernel_mirror *m = mirror_at(k, lowest(left));
    const uint32_t len = ctx->len, ifindex = m->ifindex;
    k->asked.left = left & (left - 1);
    if (!ifindex || len > m->snap || (!ctx->gso_size && len > m->longest)) return 0;
    k->asked.mirrors &= ~left | k->asked.left;
    const long failed = bpf_clone_redirect(ctx, ifindex, 0);
    if (failed) {
        __sync_fetch_and_add(failed < 0 ? &m->down : &m->busy, 1);
    } else {
        __sync_fetch_and_add(&m->packets, 1);
        __sync_fetch_and_add(&m->bytes, len + (k->pkt.tag_count ? VLAN_LEN : 0));
    }
    return 0;
}

#define LOAD(ctx, at, to, len) bpf_skb_load_bytes(ctx, (at) + skip, to, len)
GLOBAL uint64_t kernel_copy_tc(struct __sk_buff *ctx, struct kpkt *k NONNULL, uint32_t what)
{
    if (k->flags & KERNEL_ASKED || !is_wanted(k, what)) return 0;
    struct cloning c = {.ctx = ctx, .k = k};
    /* An Ethernet device takes no bare packet: the process puts a header before it. */
    k->asked.left = kpkt_is_bare(k) ? 0 : k->asked.mirrors & copies_row(k->program)->clones;
    if (k->asked.left) bpf_loop(PBC_MIRRORS_MAX, clone_turn, &c, 0);
    if (!(k->asked.mirrors | k->asked.observed)) return 0;
    const uint32_t skip = k->skip, wire_len = ctx->len - skip;
    const bool edited = what == KERNEL_COPY_LEFT;
    uint32_t len = wanted_of(k, wire_len);
    PUT_ANY(LOAD)
}
