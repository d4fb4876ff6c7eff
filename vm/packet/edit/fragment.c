/* Fragmentation. Each fragment but the last carries a multiple of eight bytes. The first has all IPv4 options; the
 * others have those that are marked as copied (RFC 791, 3.1). */
#include <errno.h>

#include "vm/packet/edit/edit.h"
#include "vm/packet/edit/write.h"
#include "vm/packet/parse/header.h"

struct whole {
    const struct pkt *pkt;
    uint32_t l3, data, end; /* data: place of the bytes to be fragmented */
    uint32_t header;        /* length in each fragment, with IPv6's fragment header */
    uint32_t id6;
    bool v6, goes_on;                  /* goes_on: the packet is itself a fragment with more to come */
    uint32_t offset;                   /* offset of the packet, if it is a fragment */
    uint8_t options[IP4_OPTIONS_MOST]; /* IPv4: for all fragments but the first, padded to words */
    uint32_t options_len;
};

/* Collect the options to copy, up to the first with an impossible length. */
static void copy_options(struct whole *w)
{
    uint32_t at = w->l3 + IP4_LEN;
    while (at < w->data) {
        const uint8_t kind = edit_get8(w->pkt, at);
        if (kind == IP4_OPT_END) break;
        const uint32_t len = kind == IP4_OPT_NOP ? 1 : edit_get8(w->pkt, at + 1);
        if (len == 0 || at + len > w->data) break;
        if (kind & IP4_OPT_COPIED && edit_read(w->pkt, at, len, w->options + w->options_len)) w->options_len += len;
        at += len;
    }
    w->options_len = (w->options_len + 3) / 4 * 4; /* padded with zeros: end of options */
}

static int whole_measure(struct whole *w, const struct pkt *pkt)
{
    uint32_t l3 = pkt->l3, first = edit_get8(pkt, l3);
    w->pkt = pkt;
    w->l3 = l3;
    w->v6 = first >> 4 == 6;
    if (w->v6) {
        w->data = l3 + IP6_LEN;
        w->end = w->data + edit_get16(pkt, l3 + IP6_PAYLOAD);
        w->header = IP6_LEN + IP6_FRAG_LEN;
        if (pkt->ext_headers) return -EINVAL;
    } else {
        uint16_t frag = edit_get16(pkt, l3 + IP4_FRAG);
        if (first >> 4 != 4 || (first & 15) * 4 < IP4_LEN || frag & IP4_DF) return -EINVAL;
        w->header = (first & 15) * 4;
        w->data = l3 + w->header;
        w->end = l3 + edit_get16(pkt, l3 + IP4_TOTAL);
        w->goes_on = frag & IP4_MF;
        w->offset = (frag & IP4_OFFSET) * 8u;
        copy_options(w);
    }
    if (w->end <= w->data) return -EINVAL;
    return w->end > pkt->head_len ? -ENODATA : 0;
}

static void write_header4(struct writer *w, const struct whole *of, uint32_t at, uint32_t len, bool more)
{
    const uint32_t l3 = of->l3, offset = of->offset + (at - of->data);
    const bool first = at == of->data;
    const uint32_t header = first ? of->header : IP4_LEN + of->options_len;
    write_from(w, of->pkt, 0, first ? of->data : l3 + IP4_LEN);
    uint8_t *options = first ? NULL : write_room(w, of->options_len);
    if (options) memcpy(options, of->options, of->options_len);
    const uint8_t tos = edit_get8(of->pkt, l3 + IP4_TOS);
    write_patch16(w, l3, (uint16_t)((4u << 4 | header / 4) << 8 | tos));
    write_patch16(w, l3 + IP4_TOTAL, (uint16_t)(header + len));
    write_patch16(w, l3 + IP4_FRAG, (uint16_t)(offset / 8 | (more || of->goes_on ? IP4_MF : 0)));
    write_patch16(w, l3 + IP4_SUM, 0);
    write_patch16(w, l3 + IP4_SUM, csum_fold(write_sum(w, 0, l3, l3 + header)));
}

static void write_header6(struct writer *w, const struct whole *of, uint32_t at, uint32_t len, bool more)
{
    uint32_t l3 = of->l3;
    uint8_t next = edit_get8(of->pkt, l3 + IP6_NEXT), hops = edit_get8(of->pkt, l3 + IP6_HOPS);
    write_from(w, of->pkt, 0, of->data);
    write_patch16(w, l3 + IP6_PAYLOAD, (uint16_t)(IP6_FRAG_LEN + len));
    write_patch16(w, l3 + IP6_NEXT, (uint16_t)(IPPROTO_NR_FRAGMENT << 8 | hops));
    write16(w, (uint16_t)(next << 8));
    write16(w, (uint16_t)((at - of->data) | (more ? IP6_MORE : 0)));
    write32(w, of->id6);
}

static struct pkt *copy_part(const struct whole *of, uint32_t at, uint32_t len, struct pool *pool)
{
    struct pkt *pkt = pool_get(pool);
    if (!pkt) return NULL;
    struct writer w = {.pkt = pkt};
    bool more = at + len < of->end;
    if (of->v6)
        write_header6(&w, of, at, len, more);
    else
        write_header4(&w, of, at, len, more);
    write_from(&w, of->pkt, at, len);
    pkt->iface = of->pkt->iface;
    pkt->link = of->pkt->link;
    pkt->cookie = of->pkt->cookie;
    pkt->tag_count = of->pkt->tag_count;
    memcpy(pkt->tags, of->pkt->tags, sizeof(pkt->tags));
    pkt->tags_in_frame = of->pkt->tags_in_frame;
    pkt->l3 = of->pkt->l3;
    pkt->l3_end = (uint16_t)pkt->head_len;
    if (!w.full) return pkt;
    pool_put(pkt);
    return NULL;
}

int fragment(const struct pkt *pkt, uint32_t mtu, uint32_t id6, struct pool *pool, struct pkt *out[])
{
    struct whole w = {.id6 = id6};
    const int err = whole_measure(&w, pkt);
    if (err || mtu < w.header + 8) return err ? err : -EINVAL;
    uint32_t step = (mtu - w.header) / 8 * 8, count = (w.end - w.data + step - 1) / step;
    if (count > FRAGMENTS_MOST) return -EMSGSIZE;
    for (unsigned i = 0; i < count; i++) {
        uint32_t at = w.data + i * step, left = w.end - at;
        out[i] = copy_part(&w, at, left < step ? left : step, pool);
        if (out[i]) continue;
        while (i > 0) pool_put(out[--i]);
        return -ENOBUFS;
    }
    return (int)count;
}
