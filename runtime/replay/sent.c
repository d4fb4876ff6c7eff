/* Sent packets as Ethernet frames. A next hop without a known MAC gets one made from its address, `02:00:` and its
 * last four bytes, by which readers recognise it. Packets without Ethernet get both MACs in this way. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "runtime/replay/replay_priv.h"

enum { ETHER = 14, MAC = 6 };

static void made_mac(uint8_t mac[MAC], const uint8_t tail[4])
{
    mac[0] = 2;
    mac[1] = 0;
    memcpy(mac + 2, tail, 4);
}

/* Find the last four bytes of each address in an IP header. */
static bool tails(const struct pkt *p, const uint8_t **src, const uint8_t **dst, uint16_t *type)
{
    const unsigned version = p->head_len ? p->data[0] >> 4 : 0;
    if (version == 4 && p->head_len >= 20) {
        *src = p->data + 12;
        *dst = p->data + 16;
        *type = 0x0800;
        return true;
    }
    if (version == 6 && p->head_len >= 40) {
        *src = p->data + 20;
        *dst = p->data + 36;
        *type = 0x86dd;
        return true;
    }
    return false;
}

static void next_hop_mac(const struct tx_entry *e, uint8_t mac[MAC])
{
    const uint32_t last = htobe32(e->next_hop[e->family == 4 ? 0 : 3]);
    uint8_t tail[4];
    memcpy(tail, &last, sizeof tail);
    made_mac(mac, tail);
}

int sent_frame(const struct tx_entry *e, uint8_t room[SENT_MOST], struct capture_frame *f)
{
    struct pkt *p = e->pkt;
    *f = (struct capture_frame){.data = p->data,
                                .cap_len = p->head_len,
                                .wire_len = p->wire_len,
                                .iface = e->out_if != IFACE_NONE ? e->out_if : p->iface};
    if (p->link == LINK_ETHER) {
        if (e->family && p->head_len >= MAC) next_hop_mac(e, p->data);
        return 0;
    }
    const uint8_t *src, *dst;
    uint16_t type;
    if (p->head_len > SENT_MOST - ETHER || !tails(p, &src, &dst, &type)) return -EPROTO;
    made_mac(room, dst);
    made_mac(room + MAC, src);
    if (e->family) next_hop_mac(e, room);
    room[12] = (uint8_t)(type >> 8);
    room[13] = (uint8_t)type;
    memcpy(room + ETHER, p->data, p->head_len);
    f->data = room;
    f->cap_len += ETHER;
    f->wire_len += ETHER;
    return 0;
}

int sent_write(struct capture_writer *w, const struct tx_entry *e, uint64_t time_ns)
{
    uint8_t room[SENT_MOST];
    struct capture_frame f;
    const int failed = sent_frame(e, room, &f);
    f.time_ns = time_ns;
    return failed ? failed : capture_write(w, &f);
}
