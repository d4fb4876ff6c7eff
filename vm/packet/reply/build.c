/* Build a reply: link header mirrored, IP header, lengths and checksums. */
#include "vm/packet/reply/build_priv.h"

#include <errno.h>

static void write_link(struct reply *r, uint16_t ether_type, uint64_t mac)
{
    const struct pkt *request = r->request;
    struct pkt *pkt = r->w.pkt;
    pkt->iface = request->iface;
    pkt->link = LINK_RAW;
    if (request->link != LINK_ETHER) return;
    pkt->link = LINK_ETHER;
    pkt->tag_count = request->tag_count;
    memcpy(pkt->tags, request->tags, sizeof(pkt->tags));
    pkt->tags_in_frame = request->tags_in_frame;
    write48(&r->w, pkt_mac(request, false));
    write48(&r->w, mac ? mac : pkt_mac(request, true));
    write_from(&r->w, request, ETHER_TYPE_AT, request->tags_in_frame * (uint32_t)VLAN_LEN);
    write16(&r->w, ether_type);
}

int reply_begin(struct reply *r, const struct pkt *request, const struct key *key, struct pool *pool,
                uint16_t ether_type, uint64_t mac)
{
    struct pkt *pkt = pool ? pool_get(pool) : NULL;
    if (!pkt) return -ENOBUFS;
    *r = (struct reply){.request = request, .key = key, .w = {.pkt = pkt}};
    memcpy(r->to.src, key->dst, sizeof(r->to.src));
    memcpy(r->to.dst, key->src, sizeof(r->to.dst));
    write_link(r, ether_type, mac);
    pkt->l3 = (uint16_t)pkt->head_len;
    return 0;
}

static void write_ip4(struct reply *r, const struct reply_ip *ip)
{
    struct writer *w = &r->w;
    write8(w, 0x45);
    write8(w, ip->tos);
    write16(w, 0); /* length, written later */
    write16(w, ip->id);
    write16(w, ip->frag);
    write8(w, ip->ttl);
    write8(w, ip->proto);
    write16(w, 0); /* checksum, written later */
    write32(w, r->to.src[0]);
    write32(w, r->to.dst[0]);
}

static void write_ip6(struct reply *r, const struct reply_ip *ip)
{
    struct writer *w = &r->w;
    write32(w, 6u << 28 | (uint32_t)ip->tos << 20);
    write16(w, 0); /* payload length, written later */
    write8(w, ip->proto);
    write8(w, ip->ttl);
    write_addr6(w, r->to.src);
    write_addr6(w, r->to.dst);
}

void reply_ip(struct reply *r, const struct reply_ip *ip)
{
    if (reply_is4(r))
        write_ip4(r, ip);
    else
        write_ip6(r, ip);
    r->proto = ip->proto;
    r->w.pkt->l4 = (uint16_t)r->w.pkt->head_len;
}

/* Write the lengths and the IPv4 header's checksum. Return the sum over the pseudo header, if the protocol has one. */
static uint64_t seal_ip(struct reply *r)
{
    struct writer *w = &r->w;
    const struct pkt *pkt = w->pkt;
    uint32_t upper = pkt->head_len - pkt->l4;
    if (reply_is4(r)) {
        write_patch16(w, pkt->l3 + IP4_TOTAL, (uint16_t)(pkt->head_len - pkt->l3));
        write_patch16(w, pkt->l3 + IP4_SUM, csum_fold(write_sum(w, 0, pkt->l3, pkt->l4)));
        return r->proto == IPPROTO_NR_ICMP ? 0 : csum_pseudo4(r->to.src[0], r->to.dst[0], r->proto, upper);
    }
    write_patch16(w, pkt->l3 + IP6_PAYLOAD, (uint16_t)upper);
    return csum_pseudo6(r->to.src, r->to.dst, r->proto, upper);
}

int reply_finish_plain(struct reply *r, struct pkt **out)
{
    if (r->w.full) {
        pool_put(r->w.pkt);
        return -EMSGSIZE;
    }
    *out = r->w.pkt;
    return 0;
}

int reply_finish(struct reply *r, uint32_t sum_at, struct pkt **out)
{
    struct pkt *pkt = r->w.pkt;
    uint64_t pseudo = seal_ip(r);
    write_patch16(&r->w, pkt->l4 + sum_at, 0);
    write_patch16(&r->w, pkt->l4 + sum_at, csum_fold(write_sum(&r->w, pseudo, pkt->l4, pkt->head_len)));
    pkt->l3_end = (uint16_t)pkt->head_len;
    return reply_finish_plain(r, out);
}
