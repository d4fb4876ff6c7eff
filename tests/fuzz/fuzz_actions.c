/* Fuzzes packet actions with any well-formed frame and any numbers to write into it. Every action keeps the frame
 * well formed and its lengths right, and touches nothing outside; reversible actions are undone exactly.
 *
 * Input: link, flags, twelve numbers of four bytes; then the frame. The frame is in a block of exactly its size and
 * headroom. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vm/forward/splice/splice.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/edit/translate.h"
#include "vm/packet/pool_priv.h"
#include "vm/packet/reply/frame.h"
#include "vm/vm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NUMBERS = 12, PREFIX = 2 + 4 * NUMBERS, ROOM = 64, SLOTS = 12, SLOT = 4096 };

#define HOLD(truth)                                                                                                    \
    do {                                                                                                               \
        if (!(truth)) __builtin_trap();                                                                                \
    } while (0)

static struct pool *pool;
static const uint8_t *frame;
static uint32_t frame_len;
static uint32_t number[NUMBERS];
static uint8_t link_kind, flags;

/* The frame, parsed, in a separate block. */
static uint8_t *block;
static struct pkt fresh(struct key *key)
{
    struct pkt pkt;
    free(block);
    block = malloc(ROOM + frame_len);
    if (!block) abort();
    memcpy(block + ROOM, frame, frame_len);
    pkt_view(&pkt, block + ROOM, frame_len, frame_len + (flags & 1 ? number[0] % 100 : 0), (enum pkt_link)link_kind, 3);
    pkt.flags |= PKT_WRITABLE | (flags & 2 ? PKT_CSUM_PARTIAL : 0);
    pkt.headroom = ROOM;
    pkt_parse(&pkt, NULL, key);
    return pkt;
}

/* Parse the frame again: it is well formed, with the same offsets. */
static void check(const struct pkt *pkt, struct key *key)
{
    struct pkt again = *pkt;
    HOLD(pkt->head_len == pkt->cap_len && pkt->cap_len <= pkt->wire_len);
    HOLD(pkt_parse(&again, NULL, key) == REASON_NONE);
    HOLD(again.offsets == pkt->offsets && again.ext_headers == pkt->ext_headers);
}

static bool same(const struct pkt *pkt, uint32_t len)
{
    return pkt->head_len == len && memcmp(pkt->data, frame, len) == 0;
}

static struct translation back_of(const struct key *key)
{
    struct translation t = {.src_port = key->src_port, .dst_port = key->dst_port, .what = 15};
    memcpy(t.src, key->src, sizeof t.src);
    memcpy(t.dst, key->dst, sizeof t.dst);
    bool fragment = key->kind & KIND_SCTP && key->kind & KIND_FRAG_FIRST; /* ports of these stay */
    if (fragment || key->kind & (KIND_ICMP | KIND_ICMP6)) t.what = TRANSLATE_SRC | TRANSLATE_DST;
    return t;
}

static void try_translate(void)
{
    struct key key, after;
    struct pkt pkt = fresh(&key);
    struct translation t = {.src_port = (uint16_t)number[8], .dst_port = (uint16_t)number[9], .what = flags >> 4},
                       back = back_of(&key);
    memcpy(t.src, number, sizeof t.src);
    memcpy(t.dst, number + 4, sizeof t.dst);
    if (key.kind & (KIND_ICMP | KIND_ICMP6)) t.what &= TRANSLATE_SRC | TRANSLATE_DST;
    bool done = translate(&pkt, &key, &t) == 0;
    if (!done) {
        HOLD(same(&pkt, frame_len));
    } else {
        check(&pkt, &after);
        HOLD(after.length == key.length && after.kind == key.kind && after.marks == key.marks);
        HOLD(!(t.what & TRANSLATE_SRC) || after.src[0] == t.src[0]);
        HOLD(!(t.what & TRANSLATE_DST) || after.dst[0] == t.dst[0]);
        HOLD(translate(&pkt, &after, &back) == 0);
        HOLD(pkt.head_len == frame_len);
        check(&pkt, &after);
        HOLD(memcmp(&after, &key, sizeof key) == 0);
    }
    pkt = fresh(&key);
    done = quoted_translate(&pkt, &key, &back, &t) == 0;
    HOLD(done || same(&pkt, frame_len));
    if (done) check(&pkt, &after);
}

static void try_hop(void)
{
    struct key key, after;
    struct pkt pkt = fresh(&key);
    if (ttl_decrement(&pkt, &key)) {
        check(&pkt, &after);
        HOLD(after.ttl + 1 == key.ttl);
    } else {
        HOLD(same(&pkt, frame_len));
    }
    pkt = fresh(&key);
    if (mss_clamp(&pkt, &key, (uint16_t)number[0]))
        check(&pkt, &after);
    else
        HOLD(same(&pkt, frame_len));
}

static void try_pieces(const struct pkt *pkt, uint32_t mtu)
{
    struct pkt *out[FRAGMENTS_MOST];
    struct key key;
    int count = fragment(pkt, mtu, number[11], pool, out);
    for (int i = 0; i < count; i++) {
        HOLD(pkt_parse(out[i], NULL, &key) == REASON_NONE && !(out[i]->flags & PKT_BAD_CSUM));
        HOLD(key.length <= mtu && out[i]->head_len == out[i]->l3 + (uint32_t)key.length);
        pool_put(out[i]);
    }
}

static void try_tunnel(void)
{
    struct key key, after;
    struct pkt pkt = fresh(&key);
    struct tunnel t = {.kind = flags & 4 ? (flags & 64 ? TUNNEL_GUE1 : TUNNEL_GUE) : TUNNEL_IPIP,
                       .v6 = flags & 8,
                       .port = 6080,
                       .mtu = number[10] % 2000};
    uint32_t inner_mtu, len = key.length, end = pkt.l3 + len, head = pkt.link == LINK_ETHER ? pkt.l3 : 0, l3 = pkt.l3;
    memcpy(t.src, number, sizeof t.src);
    memcpy(t.dst, number + 4, sizeof t.dst);
    if (end > frame_len) end = frame_len;
    bool v6 = key.kind & KIND_IP6;
    enum tunnel_fit fit = tunnel_fit(&t, &pkt, &key, &inner_mtu);
    HOLD(inner_mtu >= (v6 ? 1280u : 576u));
    HOLD(fit != TUNNEL_FITS || len + tunnel_overhead(&t) <= t.mtu);
    HOLD(fit != TUNNEL_TOO_BIG || len > inner_mtu);
    if (tunnel_encap(&pkt, &key, &t, number[8], (uint16_t)number[9]) != 0) {
        HOLD(same(&pkt, frame_len));
        return;
    }
    check(&pkt, &after);
    HOLD(after.length == len + tunnel_overhead(&t));
    try_pieces(&pkt, t.mtu);
    HOLD(tunnel_decap(&pkt, &after, (enum tunnel_kind)t.kind, 6080) == DECAP_DONE);
    HOLD(pkt.head_len == end - l3 + head && memcmp(pkt.data + head, frame + l3, end - l3) == 0);
    HOLD(!head || memcmp(pkt.data, frame, head - 2u) == 0);
}

static void try_decap(void)
{
    struct key key, after;
    for (unsigned kind = TUNNEL_IPIP; kind < TUNNEL_KINDS; kind++) {
        struct pkt pkt = fresh(&key);
        if (tunnel_decap(&pkt, &key, (enum tunnel_kind)kind, key.dst_port) != DECAP_DONE) {
            HOLD(same(&pkt, frame_len));
            continue;
        }
        HOLD(pkt.head_len < frame_len);
        pkt_parse(&pkt, NULL, &after);
        HOLD(after.kind & KIND_IP);
    }
}

static void try_splice(void)
{
    struct key key, after;
    struct pkt pkt = fresh(&key);
    struct splice s;
    struct splice_out out;
    struct splice_end ends[2];
    for (unsigned i = 0; i < 2; i++)
        ends[i] = (struct splice_end){.in = number[i],
                                      .out = number[2 + i],
                                      .stamp_in = number[4 + i],
                                      .stamp_out = number[6 + i],
                                      .mss = (uint16_t)number[8 + i],
                                      .scale_in = number[10] >> 4 * i & 7,
                                      .scale_out = number[10] >> (8 + 4 * i) & 7,
                                      .has = number[11] >> 8 * i & 7};
    splice_join(&s, ends, number[3]);
    enum splice_fate fate = splice_pass(&s, flags & 1, &pkt, &key, number[2], pool, &out);
    HOLD((fate == SPLICE_SENT) == (out.count > 0));
    for (unsigned i = 0; i < out.count; i++) {
        check(out.pkts[i], &after);
        HOLD(out.pkts[i]->flags & PKT_WRITABLE && (after.kind & KIND_TCP_FLAGS));
        if (i) pool_put(out.pkts[i]);
    }
}

static void try_answers(void)
{
    struct key key, after;
    struct pkt pkt = fresh(&key), *out[2] = {0};
    build_time_exceeded(&pkt, &key, flags & 4 ? number : NULL, pool, &out[0]);
    build_too_big(&pkt, &key, number[4], flags & 4 ? number : NULL, pool, &out[1]);
    for (unsigned i = 0; i < 2; i++)
        if (out[i]) {
            HOLD(pkt_parse(out[i], NULL, &after) == REASON_NONE && !(out[i]->flags & PKT_BAD_CSUM));
            pool_put(out[i]);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t memory[(SLOTS + 1) * SLOT] __attribute__((aligned(64)));
    if (size < PREFIX || size - PREFIX > 3000) return 0;
    link_kind = data[0] % LINK_COUNT;
    flags = data[1];
    memcpy(number, data + 2, sizeof number);
    frame = data + PREFIX;
    frame_len = (uint32_t)(size - PREFIX);
    pool = pool_init(memory, sizeof memory, SLOTS, SLOT);
    HOLD(pool);

    struct key key;
    struct pkt pkt = fresh(&key);
    if (pkt.reason == REASON_NONE) {
        try_translate();
        try_hop();
        try_answers();
        try_decap();
        try_splice();
        if (key.kind & KIND_IP) try_tunnel();
    }
    HOLD(pool->free_count == SLOTS);
    return 0;
}
