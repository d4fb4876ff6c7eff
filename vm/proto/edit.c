/* Making room in a packet's head and taking bytes out of it. */
#include "vm/proto/edit.h"

#include "vm/proto/header.h"

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
