/* Decrease the TTL or hop limit. The TTL shares a word of the checksum with the protocol. */
#include "vm/packet/edit/edit.h"
#include "vm/packet/parse/header.h"

bool ttl_decrement(struct pkt *pkt, const struct key *key)
{
    enum { ONE_HOP = 1 << 8 };
    if (pkt->reason || !(key->kind & KIND_IP) || !(pkt->flags & PKT_WRITABLE)) return false;
    bool v4 = key->kind & KIND_IP4;
    uint32_t at = pkt->l3 + (uint32_t)(v4 ? IP4_TTL : IP6_HOPS);
    uint8_t ttl = edit_get8(pkt, at);
    if (ttl <= 1) return false;
    if (!v4) {
        edit_put8(pkt, at, (uint8_t)(ttl - 1));
        return true;
    }
    uint64_t delta = edit_swap16(pkt, at, (uint16_t)(edit_get16(pkt, at) - ONE_HOP));
    uint32_t sum_at = pkt->l3 + (uint32_t)IP4_SUM;
    edit_put16(pkt, sum_at, csum_apply(edit_get16(pkt, sum_at), delta));
    return true;
}
