/* Packets that leave on the wire in the name of an end, see inline.h */
#include <string.h>

#include "vm/forward/edges.h"
#include "vm/forward/inline/inline.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

enum { TTL_FIRST = 64, DSCP_BITS = 0xfc, PRIORITY_AT = 12 };

/* Write TTL and DSCP; the packet keeps its ECN bits. */
static void write_ip4(struct pkt *pkt, uint8_t ttl, uint8_t tos)
{
    const uint32_t l3 = pkt->l3, sum_at = l3 + (uint32_t)IP4_SUM;
    const uint16_t first = edit_get16(pkt, l3), hops = edit_get16(pkt, l3 + IP4_TTL);
    uint64_t delta = edit_swap16(pkt, l3, (uint16_t)((first & ~DSCP_BITS) | (tos & DSCP_BITS)));
    delta += edit_swap16(pkt, l3 + IP4_TTL, (uint16_t)(ttl << 8 | (hops & 0xff)));
    edit_put16(pkt, sum_at, csum_apply(edit_get16(pkt, sum_at), delta));
}

static void write_ip6(struct pkt *pkt, uint8_t ttl, uint8_t tos)
{
    enum { CLASS_AT = 20 };
    const uint32_t first = edit_get32(pkt, pkt->l3), keep = ~((uint32_t)DSCP_BITS << CLASS_AT);
    edit_put32(pkt, pkt->l3, (first & keep) | (uint32_t)(tos & DSCP_BITS) << CLASS_AT);
    edit_put8(pkt, pkt->l3 + (uint32_t)IP6_HOPS, ttl);
}

/* True if the connection goes to a pool's server or a target. Frames to its client then show nothing of the server's
 * link: the client sees the place that it wanted. */
static bool goes_elsewhere(const struct inline_conn *c) { return c->own_port && c->made_port != INLINE_ORIGINAL; }

bool inline_link(const struct job *j, const struct inline_conn *c, enum inline_at to, struct pkt *pkt, bool v4)
{
    struct stack_tag stack[STACK_TAGS];
    struct edit_tag tags[STACK_TAGS];
    const struct way_back way = inline_way(j, c, to);
    const uint32_t priorities = c->side[to == AT_CLIENT && goes_elsewhere(c) ? to : !to].priorities;
    /* The tags are those of the end's own link, so frames by another interface have none */
    const unsigned count = way.iface == c->side[to].iface ? inlines_tags(j->vm->inlines, c, to, stack) : 0;
    for (unsigned i = 0; i < count; i++) {
        const unsigned priority = i < 8 ? priorities >> 4 * i & 15 : 0;
        tags[i] = (struct edit_tag){stack[i].tpid, (uint16_t)(priority << PRIORITY_AT | stack[i].vid)};
    }
    const struct inline_side *other = &c->side[!to];
    const bool hides = to == AT_CLIENT && goes_elsewhere(c);
    uint64_t source = hides ? c->original_mac : other->bridged ? other->mac : 0;
    if (!source) source = edge_mac(j->in->facts, way.iface, NULL);
    if (!edit_ether(pkt, way.mac, source, tags, count, v4 ? ETHER_IP4 : ETHER_IP6)) return false;
    pkt->tags_in_frame = (uint8_t)count;
    return true;
}

bool inline_send(const struct job *j, const struct inline_conn *c, enum inline_at to, struct pkt *pkt, bool v4)
{
    return inline_send_in(j, c, to, pkt, v4, TUNNEL_FITS, UINT32_MAX);
}

bool inline_send_in(const struct job *j, const struct inline_conn *c, enum inline_at to, struct pkt *pkt, bool v4,
                    enum tunnel_fit fit, uint32_t mtu)
{
    const struct inline_side *of = &c->side[!to];
    const struct way_back way = inline_way(j, c, to);
    struct tx_entry e = {.kind = TX_SEND,
                         .cause = TX_CAUSE_INLINE,
                         .out_if = way.iface,
                         .input = INPUT_NONE,
                         .cookie = pkt->cookie,
                         .family = way.mac ? 0
                                   : v4    ? 4
                                           : 6};
    memcpy(e.next_hop, to == AT_CLIENT ? c->client : c->to, sizeof e.next_hop);
    uint8_t ttl = of->ttl ? of->ttl : TTL_FIRST; /* as packets of that end itself arrive at the other one */
    if (!of->bridged && ttl != 1) ttl--;
    (v4 ? write_ip4 : write_ip6)(pkt, ttl, of->tos);
    if (inline_link(j, c, to, pkt, v4)) return !edge_send(j, pkt, mtu, fit, 0, &e);
    pool_put(pkt);
    return false;
}

void inline_give(const struct job *j, struct pkt *pkt)
{
    struct vm_tx *tx = j->tx;
    if (tx->count == tx->cap) {
        pool_put(pkt);
        return;
    }
    tx->entries[tx->count++] = (struct tx_entry){
        .pkt = pkt, .kind = TX_INLINE_STACK, .cause = TX_CAUSE_PACKET, .out_if = IFACE_NONE, .input = INPUT_NONE};
}
