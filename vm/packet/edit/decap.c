/* Decapsulate: check each length against the one around it, set the ECN field, remove the outer headers. */
#include "vm/packet/edit/edit.h"
#include "vm/packet/parse/header.h"

/* The inner packet, as far as the outer headers describe it. */
struct inner {
    uint32_t at, limit; /* limit: one past the last byte of the outer packet */
    uint8_t proto;
    uint32_t len;
};

static bool udp_sum_wrong(const struct pkt *pkt, const struct key *key, uint32_t len)
{
    uint32_t from = pkt->l4, to = from + len;
    if (edit_get16(pkt, from + UDP_SUM) == 0 || pkt->flags & PKT_CSUM_PARTIAL || to > pkt->head_len) return false;
    uint64_t pseudo = key->kind & KIND_IP4 ? csum_pseudo4(key->src[0], key->dst[0], IPPROTO_NR_UDP, len)
                                           : csum_pseudo6(key->src, key->dst, IPPROTO_NR_UDP, len);
    return csum_fold(edit_sum(pkt, pseudo, from, to)) != 0;
}

/* Open GUE behind UDP. The header of variant 0 names the protocol that follows; variant 1 is the packet itself. */
static enum decap open_variant(const struct pkt *pkt, uint32_t gue, struct inner *in)
{
    const uint8_t first = edit_get8(pkt, gue);
    const unsigned version = first >> 4;
    switch (first >> GUE_VARIANT_SHIFT) {
    case 0:
        if (first & GUE_CONTROL) return DECAP_VARIANT;
        if (first & GUE_HLEN || edit_get16(pkt, gue + GUE_FLAGS) != 0) return DECAP_FLAGS;
        in->at = gue + GUE_LEN;
        in->proto = edit_get8(pkt, gue + GUE_PROTO);
        return DECAP_DONE;
    case 1:
        in->at = gue;
        in->proto = version == 4 ? IPPROTO_NR_IP4 : IPPROTO_NR_IP6;
        return version == 4 || version == 6 ? DECAP_DONE : DECAP_VERSION;
    default: return DECAP_VARIANT;
    }
}

static enum decap open_gue(const struct pkt *pkt, const struct key *key, uint16_t port, struct inner *in)
{
    if (!(key->kind & KIND_UDP)) return DECAP_OTHER;
    if (key->kind & (KIND_FRAG_FIRST | KIND_FRAG_LATER)) return DECAP_FRAGMENT;
    if (key->dst_port != port) return DECAP_OTHER;
    uint32_t len = edit_get16(pkt, pkt->l4 + (uint32_t)UDP_LENGTH), gue = pkt->payload;
    if (len < UDP_LEN + GUE_LEN || !edit_has(pkt, gue, GUE_LEN)) return DECAP_SHORT;
    *in = (struct inner){.limit = pkt->l4 + len};
    return open_variant(pkt, gue, in);
}

static enum decap open_ipip(const struct pkt *pkt, const struct key *key, struct inner *in)
{
    if (!(key->kind & KIND_PROTO) || (key->proto != IPPROTO_NR_IP4 && key->proto != IPPROTO_NR_IP6)) return DECAP_OTHER;
    if (key->kind & (KIND_FRAG_FIRST | KIND_FRAG_LATER)) return DECAP_FRAGMENT;
    *in = (struct inner){.at = pkt->l4, .limit = pkt->l3 + (uint32_t)key->length, .proto = (uint8_t)key->proto};
    return DECAP_DONE;
}

static enum decap inner_measure(const struct pkt *pkt, struct inner *in)
{
    bool v6 = in->proto == IPPROTO_NR_IP6;
    uint32_t least = v6 ? IP6_LEN : IP4_LEN;
    if (!v6 && in->proto != IPPROTO_NR_IP4) return DECAP_VERSION;
    if (in->at >= in->limit || !edit_has(pkt, in->at, 1)) return DECAP_SHORT;
    if (edit_get8(pkt, in->at) >> 4 != (v6 ? 6 : 4)) return DECAP_VERSION;
    if (in->at + least > in->limit || !edit_has(pkt, in->at, least)) return DECAP_SHORT;
    uint32_t header = v6 ? IP6_LEN : (edit_get8(pkt, in->at) & 15u) * 4;
    in->len = v6 ? IP6_LEN + (uint32_t)edit_get16(pkt, in->at + IP6_PAYLOAD) : edit_get16(pkt, in->at + IP4_TOTAL);
    return header < least || in->len < header || in->len > in->limit - in->at ? DECAP_LENGTH : DECAP_DONE;
}

/* Return the inner ECN field after decapsulation, by RFC 6040, 4.2, figure 4; -1: drop. */
static int ecn_out(unsigned inner, unsigned outer)
{
    enum { DROP = -1 };
    static const int8_t table[4][4] = {
        [ECN_NONE] = {[ECN_NONE] = ECN_NONE, [ECN_ECT0] = ECN_NONE, [ECN_ECT1] = ECN_NONE, [ECN_CE] = DROP},
        [ECN_ECT0] = {[ECN_NONE] = ECN_ECT0, [ECN_ECT0] = ECN_ECT0, [ECN_ECT1] = ECN_ECT1, [ECN_CE] = ECN_CE},
        [ECN_ECT1] = {[ECN_NONE] = ECN_ECT1, [ECN_ECT0] = ECN_ECT1, [ECN_ECT1] = ECN_ECT1, [ECN_CE] = ECN_CE},
        [ECN_CE] = {[ECN_NONE] = ECN_CE, [ECN_ECT0] = ECN_CE, [ECN_ECT1] = ECN_CE, [ECN_CE] = ECN_CE},
    };
    return table[inner][outer];
}

/* The ECN field in the first word of either version: IPv4's lowest two bits, IPv6's bits 4 and 5. */
enum { ECN6_SHIFT = 4 };

static unsigned ecn_get(const struct pkt *pkt, uint32_t at, bool v6)
{
    return edit_get16(pkt, at) >> (v6 ? ECN6_SHIFT : 0) & ECN_MASK;
}

static void ecn_set(struct pkt *pkt, uint32_t at, bool v6, unsigned ecn)
{
    unsigned shift = v6 ? ECN6_SHIFT : 0;
    uint16_t word = (uint16_t)((edit_get16(pkt, at) & ~(unsigned)(ECN_MASK << shift)) | ecn << shift);
    uint64_t delta = edit_swap16(pkt, at, word);
    if (!v6) edit_put16(pkt, at + IP4_SUM, csum_apply(edit_get16(pkt, at + IP4_SUM), delta));
}

enum decap tunnel_decap(struct pkt *pkt, const struct key *key, enum tunnel_kind kind, uint16_t port)
{
    struct inner in;
    if (pkt->reason || !(key->kind & KIND_IP)) return DECAP_OTHER;
    enum decap d = kind == TUNNEL_IPIP ? open_ipip(pkt, key, &in) : open_gue(pkt, key, port, &in);
    if (d == DECAP_DONE && kind != TUNNEL_IPIP && udp_sum_wrong(pkt, key, in.limit - pkt->l4)) d = DECAP_CHECKSUM;
    if (d == DECAP_DONE && !(pkt->flags & PKT_WRITABLE)) d = DECAP_READ_ONLY;
    if (d == DECAP_DONE) d = inner_measure(pkt, &in);
    if (d != DECAP_DONE) return d;
    bool v6 = in.proto == IPPROTO_NR_IP6;
    unsigned was = ecn_get(pkt, in.at, v6);
    int ecn = ecn_out(was, ecn_get(pkt, pkt->l3, key->kind & KIND_IP6));
    if (ecn < 0) return DECAP_CONGESTED;
    if ((unsigned)ecn != was) ecn_set(pkt, in.at, v6, (unsigned)ecn);
    uint32_t outer = in.at - pkt->l3;
    edit_cut(pkt, in.at + in.len);
    edit_close(pkt, pkt->l3, outer);
    edit_link(pkt, v6 ? ETHER_IP6 : ETHER_IP4);
    return DECAP_DONE;
}

bool tunnel_inner(const struct pkt *pkt, const struct key *key, enum tunnel_kind kind, uint16_t port,
                  struct tunnel_inner *inner)
{
    struct inner in;
    if (pkt->reason || !(key->kind & KIND_IP)) return false;
    enum decap d = kind == TUNNEL_IPIP ? open_ipip(pkt, key, &in) : open_gue(pkt, key, port, &in);
    if (d == DECAP_DONE) d = inner_measure(pkt, &in);
    if (d != DECAP_DONE) return false;
    *inner = (struct tunnel_inner){.at = in.at, .len = in.len, .v6 = in.proto == IPPROTO_NR_IP6};
    return true;
}
