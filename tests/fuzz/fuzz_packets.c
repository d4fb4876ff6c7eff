/* Fuzzes the parser with any bytes as a frame of any link type, cut by the capture and laid out in segments in any
 * way. The parser's promises hold, and users of its result (patterns, descriptions, replies) read nothing outside.
 *
 * Input: link, facts, bytes of the frame that were not captured, bytes outside the head, taken-off tags; then the
 * frame. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vm/packet/pool_priv.h"
#include "vm/flow/flow.h"
#include "vm/flow/inquiry.h"
#include "vm/forward/service.h"
#include "vm/packet/parse/fragment.h"
#include "vm/packet/parse/parse.h"
#include "vm/packet/reply/frame.h"
#include "vm/vm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PREFIX = 5, SLOTS = 2 };

static const uint32_t self4[] = {0x0a000001, 0xc0000008};
static const struct pbc_range6 self6[] = {
    {.lo_hi = 0x20010db8ffff0000, .lo_lo = 1, .hi_hi = 0x20010db8ffff0000, .hi_lo = 1}};
static const struct facts worlds[] = {
    {0}, {.drop_bad_checksum = true}, {.self4 = self4, .self4_count = 2, .self6 = self6, .self6_count = 1}};

#define HOLD(truth)                                                                                                    \
    do {                                                                                                               \
        if (!(truth)) __builtin_trap();                                                                                \
    } while (0)

static bool one_bit(uint32_t v) { return v && !(v & (v - 1)); }

static void check_key(const struct pkt *pkt, const struct key *key)
{
    uint32_t kind = key->kind, l4 = KIND_TCP | KIND_UDP | KIND_SCTP | KIND_ICMP | KIND_ICMP6;
    HOLD(one_bit(kind & (KIND_IN | KIND_OUT | KIND_FORWARD)));
    HOLD(!(kind & KIND_IP) || one_bit(kind & KIND_IP));
    HOLD(!(kind & KIND_IP) == !(kind & (KIND_FRAG_NO | KIND_FRAG_FIRST | KIND_FRAG_LATER)));
    HOLD(!(kind & l4) || (one_bit(kind & l4) && (kind & KIND_PROTO)));
    HOLD(!(kind & KIND_PORTS) || (kind & KIND_WITH_PORTS));
    HOLD(!(kind & KIND_TCP_FLAGS) || (kind & KIND_TCP));
    HOLD(!(kind & KIND_FRAG_LATER) || !(kind & (KIND_PORTS | KIND_TCP_FLAGS | KIND_ICMP_HEADER)));
    HOLD(!(kind & KIND_ND) || (kind & KIND_ICMP_HEADER));
    HOLD((kind & KIND_PORTS) || (key->src_port | key->dst_port) == 0);
    HOLD((kind & KIND_ICMP_HEADER) || (key->icmp_type | key->icmp_code) == 0);
    HOLD((kind & KIND_TCP_FLAGS) || key->marks == 0);
    HOLD((kind & KIND_VLAN) || key->vlan_outer == 0);
    HOLD((kind & KIND_VLAN2) || key->vlan_inner == 0);
    HOLD((kind & KIND_PROTO) || key->proto == 0);
    HOLD(key->iface == pkt->iface);
}

static void check_offsets(const struct pkt *pkt, const struct key *key)
{
    if (pkt->reason) return;
    HOLD(!(pkt->flags & PKT_NOT_LINEAR));
    HOLD(!(pkt->flags & PKT_SNAPPED) == (pkt->cap_len == pkt->wire_len));
    HOLD(pkt->l4 <= pkt->head_len && pkt->payload <= pkt->head_len);
    HOLD(!(key->kind & KIND_IP) ||
         (pkt->l3_end >= pkt->l3 && (pkt->l3_end <= pkt->wire_len || pkt->l3_end == UINT16_MAX)));
    HOLD(pkt->payload == 0 || pkt->payload > pkt->l4);
    HOLD(!(key->kind & KIND_FRAG_LATER) || pkt->l4 + pkt->payload == 0);
}

/* Check that a fragment's fields are within the packet, and that no other packet has them. */
static void check_fragment(const struct pkt *pkt, const struct key *key)
{
    struct fragment part;
    uint32_t tags[TAGS_MOST];
    if (pkt->reason) return;
    HOLD(tags_read(pkt, tags) == (unsigned)pkt->tag_count + pkt->tags_in_frame);
    HOLD(fragment_read(pkt, key, &part) == ((key->kind & KIND_FRAGMENT) != 0));
    if (!(key->kind & KIND_FRAGMENT)) return;
    HOLD(part.offset % 8 == 0 && part.offset + part.bytes <= UINT16_MAX && (part.offset || part.more));
    HOLD(part.bytes <= pkt->wire_len && (!part.more || part.bytes % 8 == 0));
}

/* Check that no packet is both an inquiry and a reply. */
static void check_inquiry(const struct pkt *pkt, const struct key *key)
{
    struct inquiry_id id;
    if (pkt->reason || !inquiry_may_be(key)) return;
    const enum inquiry_part part = inquiry_read(pkt, key, &id);
    HOLD(part != INQUIRY_ASKS || !(key->kind & KIND_UDP) || key->dst_port == 67 || key->dst_port == 547);
    HOLD(part != INQUIRY_ANSWERS || !(key->kind & KIND_UDP) || key->dst_port == 68 || key->dst_port == 546);
    inquiry_sender(pkt, key, 1);
}

/* Check that a TCP packet is a segment no longer than the packet holds, and makes a flow or none, whatever its
 * fields are. */
static void check_segment(const struct pkt *pkt, const struct key *key)
{
    struct tcp_segment s;
    struct tcp_step first, next;
    if (pkt->reason || !(key->kind & KIND_TCP_FLAGS)) return;
    tcp_read(pkt, key, &s);
    HOLD(s.len <= pkt->wire_len && s.flags == (uint8_t)key->marks &&
         (s.scale == SCALE_ABSENT || s.scale <= SCALE_MOST));
    HOLD(s.first_fragment == ((key->kind & KIND_FRAG_FIRST) != 0) && (s.flags & TCP_SYN || s.mss == 0));
    if (tcp_begin(&s, true, &first) == MARK_INVALID) return;
    HOLD(first.state == FLOW_STATE_SYN_SENT || first.state == FLOW_STATE_PICKED_UP);
    HOLD(tcp_follow((enum flow_state)first.state, &first.track, FLOW_ORIGINAL, &s, &next) == MARK_NEW);
    HOLD(next.state == first.state && tcp_quoted(&next.track, FLOW_ORIGINAL, s.seq));
}

/* Check that the careful parser has the same result. */
static void check_same(const struct pkt *pkt, const struct facts *facts, const struct key *key)
{
    struct pkt again = *pkt;
    struct key careful;
    parse_frame(&again, facts, &careful);
    HOLD(memcmp(key, &careful, sizeof(careful)) == 0);
    HOLD(again.reason == pkt->reason && again.flags == pkt->flags && again.offsets == pkt->offsets &&
         again.outcome == pkt->outcome);
}

/* Check that every pattern reported as matching is in the bytes. */
static void try_patterns(const struct pkt *pkt, const struct key *key, const uint8_t *bytes, uint32_t len)
{
    static const uint8_t zeros[64], ones[64] = {[0 ... 63] = 0xff};
    for (unsigned layer = PBC_L2; layer <= PBC_PAYLOAD; layer++)
        for (unsigned at = 0; at < len + 70; at += 1 + at / 8) {
            unsigned n = 1 + at % 64;
            bool there = pkt_match(pkt, key, layer, at, zeros, zeros, n);
            HOLD(there || !pkt_match(pkt, key, layer, at, zeros, ones, n));
            if (there && layer == PBC_L2 && pkt->tag_count == 0)
                HOLD(pkt_match(pkt, key, layer, at, bytes + at, ones, n));
            if (there && layer != PBC_L2) HOLD((key->kind & KIND_IP) && n + at <= key->length);
        }
}

/* Check that a built packet is well formed, and that a rejecting packet gets no reply in turn. */
static void check_built(struct pkt *out, bool rejects)
{
    static const struct facts strict = {.drop_bad_checksum = true};
    struct key key;
    if (!out) return;
    HOLD(out->head_len <= 2048 - POOL_HEADROOM && out->head_len == out->cap_len && out->cap_len == out->wire_len);
    HOLD(pkt_parse(out, &strict, &key) == REASON_NONE && !(out->flags & PKT_BAD_CSUM));
    HOLD(!rejects || answer_form(out, &key, PBC_ANSWER_DEFAULT) == ANSWER_NONE);
    pool_put(out);
}

static void try_answers(const struct pkt *pkt, const struct key *key)
{
    static uint8_t memory[3 * 2048] __attribute__((aligned(64)));
    struct pool *pool = pool_init(memory, sizeof(memory), SLOTS, 2048);
    struct pkt *out;
    HOLD(pool);
    for (unsigned kind = PBC_ANSWER_DEFAULT; kind <= PBC_ANSWER_PROHIBITED; kind++) {
        enum answer_form form = answer_form(pkt, key, (enum pbc_answer)kind);
        HOLD(form == ANSWER_NONE || (!pkt->reason && (key->kind & KIND_IP)));
        out = answer_build(pkt, key, form, pool);
        HOLD(!out == (form == ANSWER_NONE)); /* every reply fits a slot */
        check_built(out, true);
    }
    if (build_arp_reply(pkt, key, 0x020000000001, pool, &out) == 0) check_built(out, false);
    if (build_echo_reply(pkt, key, pool, &out) == 0) check_built(out, false);
    if (build_rst(pkt, key, pool, &out) == 0) check_built(out, false);
    if (build_neighbour_advert(pkt, key, 0x020000000001, true, pool, &out) == 0) check_built(out, false);
    out = pool_copy(pool, pkt);
    HOLD(!out || out->head_len == pkt->cap_len);
    pool_put(out);
    HOLD(pool->free_count == SLOTS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < PREFIX) return 0;
    uint32_t cap = (uint32_t)(size - PREFIX), outside = cap ? data[3] % (cap + 1) : 0, head = cap - outside;
    uint8_t *bytes = malloc(head ? head : 1), *rest = malloc(outside ? outside : 1);
    if (!bytes || !rest) abort();
    memcpy(bytes, data + PREFIX, head);
    memcpy(rest, data + PREFIX + head, outside);

    struct pkt pkt;
    const struct pkt_seg segs[2] = {{rest, outside / 2}, {rest + outside / 2, outside - outside / 2}};
    pkt_view(&pkt, bytes, head, cap + data[2], (enum pkt_link)(data[0] % LINK_COUNT), 3);
    pkt.segs = segs;
    pkt.seg_count = outside ? 2 : 0;
    pkt.cap_len = cap;
    pkt.tag_count = data[4] % 3;
    pkt.tags[0].tpid = pkt.tags[1].tpid = 0x8100;
    pkt.tags[0].tci = data[4];

    struct key key;
    const struct facts *facts = &worlds[data[1] % 3];
    memset(&key, 0xa5, sizeof(key));
    HOLD(pkt_parse(&pkt, facts, &key) == pkt.reason && pkt.reason < REASON_COUNT);
    check_key(&pkt, &key);
    check_offsets(&pkt, &key);
    check_fragment(&pkt, &key);
    check_segment(&pkt, &key);
    check_inquiry(&pkt, &key);
    check_same(&pkt, facts, &key);
    try_patterns(&pkt, &key, data + PREFIX, cap);
    char line[120];
    pkt_describe(&pkt, &key, line, sizeof(line));
    HOLD(memchr(line, '\0', sizeof(line)));
    try_answers(&pkt, &key);
    free(bytes);
    free(rest);
    return 0;
}
