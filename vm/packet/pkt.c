/* A packet's MAC addresses, and byte patterns in its layers. */
#include "vm/packet/pkt.h"

#include "vm/packet/key.h"
#include "vm/packet/layer.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"
#include "vm/pbc.h"

enum { PATTERN_MOST = 64 };
enum { HEADER_ETHER, HEADER_NONE, HEADER_ENDS }; /* words of arphrd.def */

bool pkt_link_of(unsigned arphrd, bool point, enum pkt_link *link)
{
    bool known = false, bare = false;
    switch (arphrd) {
#define ARPHRD_LINK(number, header, word)                                                                              \
    case number:                                                                                                       \
        known = HEADER_##header != HEADER_ENDS || point;                                                               \
        bare = HEADER_##header != HEADER_ETHER;                                                                        \
        break;
#include "vm/packet/arphrd.def"
    default: break;
    }
    *link = bare ? LINK_RAW : LINK_ETHER;
    return known;
}

uint64_t pkt_mac(const struct pkt *pkt, bool dst)
{
    if (pkt->link != LINK_ETHER || pkt->head_len < ETHER_LEN) return 0;
    uint8_t scratch[6];
    return wire_get48(bytes_at(pkt, dst ? 0 : sizeof(scratch), sizeof(scratch), scratch));
}

bool pkt_is_to_stations(const struct pkt *pkt)
{
    if (pkt->link == LINK_ETHER) return pkt_mac(pkt, true) >> 40 & 1;
    const unsigned kind = pkt->link == LINK_SLL    ? bytes_get16(pkt, SLL_KIND_AT)
                          : pkt->link == LINK_SLL2 ? bytes_get8(pkt, SLL2_KIND_AT)
                                                   : 0;
    return kind == SLL_KIND_BROADCAST || kind == SLL_KIND_MULTICAST;
}

static bool match_frame(const struct pkt *pkt, unsigned at, const uint8_t *value, const uint8_t *mask, unsigned len)
{
    uint8_t scratch[PATTERN_MOST];
    if ((uint64_t)at + len > bytes_l2_len(pkt)) return false;
    const uint8_t *bytes = bytes_at_l2(pkt, at, len, scratch);
    return bytes && bytes_match(bytes, value, mask, len);
}

bool pkt_pattern(const struct pkt *pkt, const struct key *key, const struct pbc_pattern *t)
{
    static const uint8_t anything[PATTERN_MOST];
    if (t->is_not && !pkt_match(pkt, key, t->layer, t->at, anything, anything, t->len)) return false;
    return pkt_match(pkt, key, t->layer, t->at, t->value, t->mask, t->len) != t->is_not;
}

bool pkt_match(const struct pkt *pkt, const struct key *key, unsigned layer, unsigned at, const uint8_t *value,
               const uint8_t *mask, unsigned len)
{
    if (len == 0 || len > PATTERN_MOST) return false;
    if (layer == PBC_L2) return match_frame(pkt, at, value, mask, len);
    const uint32_t from = layer_place(pkt, key, layer, at, len);
    if (from == LAYER_NONE) return false;
    uint8_t scratch[PATTERN_MOST];
    const uint8_t *bytes = bytes_at(pkt, from, len, scratch);
    return bytes && bytes_match(bytes, value, mask, len);
}
