/* Open and close room in a packet's head. */
#include "vm/packet/edit/edit.h"

#include "vm/packet/parse/header.h"

bool edit_open(struct pkt *pkt, uint32_t at, uint32_t len)
{
    if (len > pkt->headroom || at > pkt->head_len) return false;
    memmove(pkt->data - len, pkt->data, at);
    pkt->data -= len;
    pkt->headroom = (uint16_t)(pkt->headroom - len);
    pkt->head_len += len;
    pkt->cap_len += len;
    pkt->wire_len += len;
    return true;
}

bool edit_close(struct pkt *pkt, uint32_t at, uint32_t len)
{
    if (!edit_has(pkt, at, len) || len > (uint32_t)UINT16_MAX - pkt->headroom) return false;
    memmove(pkt->data + len, pkt->data, at);
    pkt->data += len;
    pkt->headroom = (uint16_t)(pkt->headroom + len);
    pkt->head_len -= len;
    pkt->cap_len -= len;
    pkt->wire_len -= len;
    return true;
}

void edit_cut(struct pkt *pkt, uint32_t end)
{
    if (pkt->head_len > end) {
        pkt->tailroom = (uint16_t)(pkt->tailroom + (pkt->head_len - end));
        pkt->head_len = end;
    }
    if (pkt->cap_len > end) pkt->cap_len = end;
    if (pkt->wire_len > end) pkt->wire_len = end;
}

void edit_link(struct pkt *pkt, uint16_t ether_type)
{
    if (pkt->link == LINK_ETHER && pkt->l3 >= ETHER_LEN) {
        edit_put16(pkt, pkt->l3 - 2u, ether_type);
        return;
    }
    edit_close(pkt, 0, pkt->l3);
    pkt->link = LINK_RAW;
    pkt->l3 = 0;
}

void edit_macs(struct pkt *pkt, uint64_t dst, uint64_t src)
{
    if (!edit_has(pkt, 0, ETHER_TYPE_AT)) return;
    wire_put48(pkt->data, dst);
    wire_put48(pkt->data + ETHER_TYPE_AT / 2, src);
}

void edit_strip(struct pkt *pkt)
{
    const uint16_t l3 = pkt->l3;
    edit_close(pkt, 0, l3);
    pkt->link = LINK_RAW;
    pkt->tag_count = pkt->tags_in_frame = 0;
    pkt->l3 = 0;
    if (pkt->l4) pkt->l4 = (uint16_t)(pkt->l4 - l3);
    if (pkt->payload) pkt->payload = (uint16_t)(pkt->payload - l3);
    pkt->l3_end = (uint16_t)(pkt->l3_end - l3);
}

void edit_bare(struct pkt *pkt)
{
    if (pkt->link != LINK_ETHER && pkt->link != LINK_RAW) edit_strip(pkt);
}

bool edit_ether(struct pkt *pkt, uint64_t dst, uint64_t src, const struct edit_tag tags[], unsigned count,
                uint16_t ether_type)
{
    const uint32_t len = ETHER_LEN + VLAN_LEN * count;
    if (!edit_open(pkt, 0, len)) return false;
    edit_macs(pkt, dst, src);
    for (unsigned i = 0; i < count; i++) {
        edit_put16(pkt, ETHER_TYPE_AT + VLAN_LEN * i, tags[i].tpid);
        edit_put16(pkt, ETHER_TYPE_AT + VLAN_LEN * i + 2, tags[i].tci);
    }
    edit_put16(pkt, len - 2, ether_type);
    pkt->link = LINK_ETHER;
    pkt->l3 = (uint16_t)len;
    if (pkt->l4) pkt->l4 = (uint16_t)(pkt->l4 + len);
    if (pkt->payload) pkt->payload = (uint16_t)(pkt->payload + len);
    pkt->l3_end = (uint16_t)least_len(pkt->l3_end + len, UINT16_MAX);
    return true;
}
