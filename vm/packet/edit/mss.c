/* The MSS option of a SYN. An option may be at any offset; at an odd one the checksum counts it with its bytes
 * swapped. */
#include "vm/packet/edit/edit.h"
#include "vm/packet/parse/header.h"

uint16_t mss_of_mtu(uint32_t mtu, bool v6)
{
    uint32_t headers = (v6 ? IP6_LEN : IP4_LEN) + TCP_LEN;
    if (mtu <= headers) return 0;
    return (uint16_t)(mtu - headers < UINT16_MAX ? mtu - headers : UINT16_MAX);
}

static uint16_t swapped(uint16_t v, bool odd) { return odd ? __builtin_bswap16(v) : v; }

static void lower(struct pkt *pkt, uint32_t at, uint16_t most)
{
    bool odd = (at - pkt->l4) % 2 != 0;
    uint16_t from = edit_get16(pkt, at);
    edit_put16(pkt, at, most);
    if (pkt->flags & PKT_CSUM_PARTIAL) return;
    uint64_t delta = csum_delta16(swapped(from, odd), swapped(most, odd));
    uint32_t sum_at = pkt->l4 + (uint32_t)TCP_SUM;
    edit_put16(pkt, sum_at, csum_apply(edit_get16(pkt, sum_at), delta));
}

bool mss_clamp(struct pkt *pkt, const struct key *key, uint16_t most)
{
    bool changed = false;
    uint32_t needs = KIND_TCP | KIND_TCP_FLAGS, at = pkt->l4 + (uint32_t)TCP_LEN, end = pkt->payload;
    if (pkt->reason || (key->kind & needs) != needs || !(key->marks & TCP_SYN) || !(pkt->flags & PKT_WRITABLE))
        return false;
    while (at < end) {
        uint8_t kind = edit_get8(pkt, at), len = edit_get8(pkt, at + 1);
        if (kind == TCP_OPT_END) break;
        if (kind == TCP_OPT_NOP) {
            at++;
            continue;
        }
        if (at + 2 > end || len < 2 || at + len > end) break;
        if (kind == TCP_OPT_MSS && len == TCP_OPT_MSS_LEN && edit_get16(pkt, at + 2) > most) {
            lower(pkt, at + 2, most);
            changed = true;
        }
        at += len;
    }
    return changed;
}
