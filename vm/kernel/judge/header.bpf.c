/* Tests of a packet's bytes, for the judge in the kernel: kinds of MACs, numbers of the IP header that the key has no
 * room for, patterns. */
#include "vm/judge/mac.h"
#include "vm/kernel/bpf.h"
#include "vm/kernel/judge/mac.bpf.h"
#include "vm/kernel/loop.bpf.h"
#include "vm/packet/ip_bits.h"
#include "vm/packet/layer.h"

SECTION(const struct pbc_pattern, patterns);

enum { TAGS_AT = 12, TAG = 4, WORD = 8, PATTERN_WORDS = 8, HEAD_MASK = KERNEL_HEAD - 1 };

GLOBAL uint64_t kernel_mac_kind(struct kpkt *k NONNULL, uint32_t kinds, uint32_t dst)
{
    return k->key.kind & KIND_ETHER && mac_is(kernel_mac(k, dst), kinds);
}

/* Return a number of the IP header. ip4, ip6: its place in each family, first bit | number of bits << 8. */
GLOBAL uint64_t kernel_header(struct kpkt *k NONNULL, uint32_t ip4, uint32_t ip6)
{
    const uint32_t place = k->key.kind & KIND_IP6 ? ip6 : ip4;
    const struct ip_bits bits = {(uint8_t)place, (uint8_t)(place >> 8)};
    return ip_bits_get(k->head + (k->pkt.l3 & HEAD_MASK), bits);
}

/* True if the bytes are in the head. If they were captured but are not in the head, the packet goes up. */
static inline bool in_head(struct kpkt *k, uint32_t at, uint32_t len)
{
    if (at + len <= k->head_len) return true;
    if (at + len <= k->pkt.cap_len) k->up = KERNEL_UP_HEAD;
    return false;
}

/* Compare a pattern by words. Pattern and head have bytes behind their ends, and the mask is 0 there. */
static inline bool match_words(const struct kpkt *k, uint32_t at, const struct pbc_pattern *t)
{
    uint64_t differ = 0;
#pragma clang loop unroll(full)
    for (unsigned i = 0; i < PATTERN_WORDS; i++) {
        if (i * WORD >= t->len) break;
        const uint64_t there = wire_raw64(k->head + (at & HEAD_MASK) + (size_t)i * WORD);
        differ |= (there & wire_raw64(t->mask + (size_t)i * WORD)) ^ wire_raw64(t->value + (size_t)i * WORD);
    }
    return !differ;
}

/* Return byte `at` of the frame as it was on the wire, with the tags that were taken off. */
static inline uint8_t byte_of_frame(const struct kpkt *k, uint32_t at, uint32_t tags)
{
    const uint32_t in_tags = at - TAGS_AT;
    if (at < TAGS_AT) return k->head[at & HEAD_MASK];
    if (in_tags >= tags * TAG) return k->head[(at - tags * TAG) & HEAD_MASK];
    const uint32_t n = in_tags / TAG & 1, word = (uint32_t)k->pkt.tags[n].tpid << 16 | k->pkt.tags[n].tci;
    return (uint8_t)(word >> (24 - 8 * (in_tags % TAG)));
}

static inline bool match_bytes(const struct kpkt *k, const struct pbc_pattern *t, uint32_t tags)
{
    uint32_t differ = 0;
    TURNS(PBC_PATTERN_MAX)
    for (uint32_t i = 0; LOOP(i < t->len && !differ); i = LOOSE(i + 1)) {
        const uint32_t n = i & 63;
        differ = LOOSE((uint32_t)((byte_of_frame(k, t->at + n, tags) & t->mask[n]) ^ t->value[n]));
    }
    return !differ;
}

static inline uint32_t tags_taken_off(const struct kpkt *k)
{
    if (k->pkt.link != LINK_ETHER || k->pkt.cap_len < TAGS_AT) return 0;
    return k->pkt.tag_count < 2 ? k->pkt.tag_count : 2;
}

static inline bool match_frame(struct kpkt *k, const struct pbc_pattern *t)
{
    const uint32_t tags = tags_taken_off(k), end = t->at + t->len;
    const uint32_t last = end > TAGS_AT + tags * TAG ? end - tags * TAG : end < TAGS_AT ? end : TAGS_AT;
    if (end > k->pkt.cap_len + tags * TAG || !in_head(k, 0, last)) return false;
    return (tags ? match_bytes(k, t, tags) : match_words(k, t->at, t)) != t->is_not;
}

GLOBAL uint64_t kernel_pattern(struct kpkt *k NONNULL, uint32_t pattern)
{
    const struct pbc_pattern *t = &ROW(patterns, pattern);
    if (t->layer == PBC_L2) return match_frame(k, t);
    const uint32_t from = layer_place(&k->pkt, &k->key, t->layer, t->at, t->len);
    return from != LAYER_NONE && in_head(k, from, t->len) && match_words(k, from, t) != t->is_not;
}
