/* A packet's MAC addresses, and byte patterns in its layers. Parsing is vm/packet/parse/. */
#include "vm/packet/pkt.h"

#include "vm/packet/key.h"
#include "vm/packet/parse/bytes.h"
#include "vm/packet/parse/header.h"
#include "vm/pbc.h"

enum { PATTERN_MOST = 64 };

uint64_t pkt_mac(const struct pkt *pkt, bool dst)
{
    if (pkt->link != LINK_ETHER || pkt->head_len < ETHER_LEN) return 0;
    uint8_t scratch[6];
    return wire_get48(bytes_at(pkt, dst ? 0 : sizeof(scratch), sizeof(scratch), scratch));
}

static bool match_frame(const struct pkt *pkt, unsigned at, const uint8_t *value, const uint8_t *mask, unsigned len)
{
    uint8_t scratch[PATTERN_MOST];
    if ((uint64_t)at + len > bytes_l2_len(pkt)) return false;
    const uint8_t *bytes = bytes_at_l2(pkt, at, len, scratch);
    return bytes && bytes_match(bytes, value, mask, len);
}

bool pkt_match(const struct pkt *pkt, const struct key *key, unsigned layer, unsigned at, const uint8_t *value,
               const uint8_t *mask, unsigned len)
{
    if (len == 0 || len > PATTERN_MOST) return false;
    if (layer == PBC_L2) return match_frame(pkt, at, value, mask, len);
    if (!(key->kind & KIND_IP)) return false;
    /* The packet's own length, not l3_end, which cannot say more than 65,535. */
    uint32_t end = pkt->l3_end < UINT16_MAX ? pkt->l3_end : (uint32_t)pkt->l3 + key->length;
    uint32_t base = layer == PBC_L3 ? pkt->l3 : layer == PBC_L4 ? pkt->l4 : pkt->payload;
    if (layer != PBC_L3 && base == 0) return false;
    if ((uint64_t)base + at + len > end) return false;
    uint8_t scratch[PATTERN_MOST];
    const uint8_t *bytes = bytes_at(pkt, base + at, len, scratch);
    return bytes && bytes_match(bytes, value, mask, len);
}
