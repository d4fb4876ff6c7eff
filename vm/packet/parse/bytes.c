/* Checked access to a packet's bytes across head and segments. */
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"

#ifdef __bpf__
/* Copy nothing: in the kernel, a packet with bytes outside the head has already gone up. */
uint32_t bytes_copy(const struct pkt *pkt, uint32_t at, uint32_t len, uint8_t *out) { return 0; }
#else
/* Copy the wanted bytes that are in this piece, from `from` on. Return their number. */
static uint32_t piece_take(const uint8_t *piece, uint32_t piece_len, uint32_t from, uint32_t len, uint8_t *out)
{
    if (from >= piece_len) return 0;
    const uint32_t n = least_len(len, piece_len - from);
    memcpy(out, piece + from, n);
    return n;
}

/* Copy bytes from the head, then from each piece. Bytes before a piece are copied before its turn, so the next
 * wanted byte is never before it. */
uint32_t bytes_copy(const struct pkt *pkt, uint32_t at, uint32_t len, uint8_t *out)
{
    uint32_t limit = pkt->cap_len, start = least_len(pkt->head_len, limit);
    if (at >= limit) return 0;
    len = least_len(len, limit - at);
    uint32_t done = piece_take(pkt->data, start, at, len, out);
    for (unsigned i = 0; i < pkt->seg_count && done < len; i++) {
        done += piece_take(pkt->segs[i].data, pkt->segs[i].len, at + done - start, len - done, out + done);
        start += pkt->segs[i].len;
    }
    return done;
}
#endif

static unsigned taken_off(const struct pkt *pkt)
{
    unsigned most = sizeof(pkt->tags) / sizeof(pkt->tags[0]);
    if (pkt->link != LINK_ETHER || pkt->cap_len < ETHER_TYPE_AT) return 0;
    return pkt->tag_count < most ? pkt->tag_count : most;
}

uint32_t bytes_l2_len(const struct pkt *pkt) { return pkt->cap_len + taken_off(pkt) * VLAN_LEN; }

const uint8_t *bytes_at_l2(const struct pkt *pkt, uint32_t at, uint32_t len, uint8_t *scratch)
{
    uint32_t tags = taken_off(pkt) * VLAN_LEN;
    if (tags == 0 || (uint64_t)at + len <= ETHER_TYPE_AT) return bytes_at(pkt, at, len, scratch);
    if (at >= ETHER_TYPE_AT + tags) return bytes_at(pkt, at - tags, len, scratch);
    for (uint32_t i = 0; i < len; i++) {
        uint32_t from = at + i, in_tags = from - ETHER_TYPE_AT;
        if (from >= ETHER_TYPE_AT && in_tags < tags) {
            unsigned tag = in_tags / VLAN_LEN;
            uint32_t word = (uint32_t)pkt->tags[tag].tpid << 16 | pkt->tags[tag].tci;
            scratch[i] = (uint8_t)(word >> (24 - 8 * (in_tags % VLAN_LEN)));
        } else {
            const uint8_t *byte = bytes_at(pkt, from < ETHER_TYPE_AT ? from : from - tags, 1, scratch + i);
            if (!byte) return NULL;
            scratch[i] = *byte;
        }
    }
    return scratch;
}

uint8_t bytes_get8(const struct pkt *pkt, uint32_t at)
{
    uint8_t scratch;
    const uint8_t *p = bytes_at(pkt, at, 1, &scratch);
    return p ? *p : 0;
}

uint16_t bytes_get16(const struct pkt *pkt, uint32_t at)
{
    uint8_t scratch[2];
    const uint8_t *p = bytes_at(pkt, at, sizeof scratch, scratch);
    return p ? wire_get16(p) : 0;
}

uint32_t bytes_get32(const struct pkt *pkt, uint32_t at)
{
    uint8_t scratch[4];
    const uint8_t *p = bytes_at(pkt, at, sizeof scratch, scratch);
    return p ? wire_get32(p) : 0;
}
