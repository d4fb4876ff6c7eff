/* Cutting one segment into several. FIN and PSH go to the last, CWR to the first, and an urgent pointer counts from
 * each segment's own number. */
#include "vm/forward/splice/splice_priv.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/edit/write.h"

/* The whole segment, before it is cut */
struct whole {
    uint32_t l3, l4, payload, end, seq;
    uint16_t id, urgent;
    uint8_t flags;
    bool v6;
};

static uint64_t pseudo(const struct pkt *pkt, const struct whole *w, uint32_t len)
{
    uint32_t src[4], dst[4];
    if (!w->v6)
        return csum_pseudo4(edit_get32(pkt, w->l3 + IP4_SRC), edit_get32(pkt, w->l3 + IP4_DST), IPPROTO_NR_TCP, len);
    edit_get_addr6(pkt, w->l3 + IP6_SRC, src);
    edit_get_addr6(pkt, w->l3 + IP6_DST, dst);
    return csum_pseudo6(src, dst, IPPROTO_NR_TCP, len);
}

static uint16_t tcp_sum(const struct pkt *pkt, const struct whole *w, uint32_t end)
{
    return csum_fold(edit_sum(pkt, pseudo(pkt, w, end - w->l4), w->l4, end));
}

/* Write the headers of the segment whose payload begins `skip` bytes into the whole. */
static void headers_write(struct pkt *pkt, const struct whole *w, uint32_t skip, uint32_t len, unsigned number)
{
    bool last = w->payload + skip + len == w->end;
    uint8_t flags = w->flags;
    uint16_t urgent = w->urgent;
    if (!last) flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
    if (number > 0) flags &= (uint8_t)~TCP_CWR;
    if (urgent <= skip) flags &= (uint8_t)~TCP_URG;
    edit_put32(pkt, w->l4 + TCP_SEQ, w->seq + skip);
    edit_put8(pkt, w->l4 + TCP_FLAGS, flags);
    edit_put16(pkt, w->l4 + TCP_URGENT, flags & TCP_URG ? (uint16_t)(urgent - skip) : 0);
    uint32_t end = w->payload + len;
    if (w->v6) {
        edit_put16(pkt, w->l3 + IP6_PAYLOAD, (uint16_t)(end - w->l3 - IP6_LEN));
    } else {
        edit_put16(pkt, w->l3 + IP4_TOTAL, (uint16_t)(end - w->l3));
        edit_put16(pkt, w->l3 + IP4_ID, (uint16_t)(w->id + number));
        edit_put16(pkt, w->l3 + IP4_SUM, 0);
        uint32_t header = (edit_get8(pkt, w->l3) & 15u) * 4;
        edit_put16(pkt, w->l3 + IP4_SUM, csum_fold(edit_sum(pkt, 0, w->l3, w->l3 + header)));
    }
    pkt->l3_end = (uint16_t)end;
    pkt->flags &= (uint8_t)~PKT_CSUM_PARTIAL;
    edit_put16(pkt, w->l4 + TCP_SUM, 0);
    edit_put16(pkt, w->l4 + TCP_SUM, tcp_sum(pkt, w, end));
}

static struct pkt *copy_segment(const struct pkt *from, const struct whole *w, uint32_t skip, uint32_t len,
                                struct pool *pool)
{
    struct pkt *pkt = pool ? pool_get(pool) : NULL;
    if (!pkt) return NULL;
    struct pkt slot = *pkt;
    *pkt = *from;
    pkt->data = slot.data;
    pkt->headroom = slot.headroom;
    pkt->tailroom = slot.tailroom;
    pkt->head_len = pkt->cap_len = pkt->wire_len = 0;
    pkt->segs = NULL;
    pkt->seg_count = 0;
    pkt->pool = slot.pool;
    struct writer out = {.pkt = pkt};
    write_from(&out, from, 0, w->payload);
    write_from(&out, from, w->payload + skip, len);
    if (!out.full) return pkt;
    pool_put(pkt);
    return NULL;
}

static void cut_undo(struct splice_out *out)
{
    while (out->count > 1) pool_put(out->pkts[--out->count]);
    out->count = 0;
}

enum splice_fate segments_cut(struct pkt *pkt, uint32_t most, struct pool *pool, struct splice_out *out)
{
    struct whole w = {.l3 = pkt->l3, .l4 = pkt->l4, .payload = pkt->payload, .end = pkt->l3_end};
    uint32_t len = w.end - w.payload;
    if (w.end > pkt->head_len) return SPLICE_SNAPPED;
    if ((len + most - 1) / most > SPLICE_SEGMENTS) return SPLICE_NO_ROOM;
    w.v6 = edit_get8(pkt, w.l3) >> 4 == 6;
    w.seq = edit_get32(pkt, w.l4 + TCP_SEQ);
    w.flags = edit_get8(pkt, w.l4 + TCP_FLAGS);
    w.urgent = edit_get16(pkt, w.l4 + TCP_URGENT);
    w.id = edit_get16(pkt, w.l3 + IP4_ID);
    if (!(pkt->flags & PKT_CSUM_PARTIAL) && tcp_sum(pkt, &w, w.end) != 0) return SPLICE_BAD_SUM;
    out->pkts[0] = pkt;
    out->count = 1;
    for (uint32_t skip = most; skip < len; skip += most) {
        uint32_t take = len - skip < most ? len - skip : most;
        struct pkt *segment = copy_segment(pkt, &w, skip, take, pool);
        if (!segment) {
            cut_undo(out);
            return SPLICE_NO_ROOM;
        }
        headers_write(segment, &w, skip, take, out->count);
        out->pkts[out->count++] = segment;
    }
    edit_cut(pkt, w.payload + most);
    headers_write(pkt, &w, 0, most, 0);
    return SPLICE_SENT;
}
