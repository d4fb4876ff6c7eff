/* Replies with a link-layer address: ARP replies and neighbour advertisements. */
#include <errno.h>

#include "vm/packet/parse/read.h"
#include "vm/packet/reply/build_priv.h"

int build_arp_reply(const struct pkt *request, const struct key *key, uint64_t mac, struct pool *pool, struct pkt **out)
{
    struct arp_body arp;
    if (request->link != LINK_ETHER || !arp_read(request, key, &arp) || arp.op != ARP_REQUEST) return -EINVAL;
    struct reply r;
    int err = reply_begin(&r, request, key, pool, ETHER_ARP, mac);
    if (err) return err;
    write16(&r.w, ARP_HTYPE_ETHER);
    write16(&r.w, ETHER_IP4);
    write8(&r.w, 6);
    write8(&r.w, 4);
    write16(&r.w, ARP_REPLY);
    write48(&r.w, mac);
    write32(&r.w, arp.target_ip);
    write48(&r.w, arp.sender_mac);
    write32(&r.w, arp.sender_ip);
    return reply_finish_plain(&r, out);
}

/* Send an advertisement for a host without an address to all nodes (ff02::1, 33:33:00:00:00:01). */
static void to_all_nodes(struct reply *r)
{
    static const uint32_t all_nodes[4] = {0xff020000, 0, 0, 1};
    memcpy(r->to.dst, all_nodes, sizeof(all_nodes));
    write_patch16(&r->w, 0, 0x3333);
    write_patch16(&r->w, 2, 0);
    write_patch16(&r->w, 4, 1);
}

int build_neighbour_advert(const struct pkt *request, const struct key *key, uint64_t mac, bool router,
                           struct pool *pool, struct pkt **out)
{
    uint32_t target[4];
    if (request->link != LINK_ETHER || !solicit_read(request, key, target)) return -EINVAL;
    struct reply r;
    int err = reply_begin(&r, request, key, pool, ETHER_IP6, mac);
    if (err) return err;
    bool asked_by_one = (key->src[0] | key->src[1] | key->src[2] | key->src[3]) != 0;
    memcpy(r.to.src, target, sizeof(target));
    if (!asked_by_one) to_all_nodes(&r);
    reply_ip(&r, &(struct reply_ip){.proto = IPPROTO_NR_ICMP6, .ttl = BUILD_TTL_ND});
    write8(&r.w, ICMP6_ADVERT);
    write8(&r.w, 0);
    write16(&r.w, 0); /* checksum, written later */
    write32(&r.w, (uint32_t)(ND_OVERRIDE | (router ? ND_ROUTER : 0) | (asked_by_one ? ND_SOLICITED : 0)) << 24);
    write_addr6(&r.w, target);
    write8(&r.w, ND_OPT_TARGET_MAC);
    write8(&r.w, ND_OPT_MAC_LEN / 8);
    write48(&r.w, mac);
    return reply_finish(&r, ICMP_SUM, out);
}
