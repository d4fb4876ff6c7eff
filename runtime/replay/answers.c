/* What the vm sends, as Ethernet frames. An answer to a frame without Ethernet gets addresses made from its own:
 * `02:00:` and the last four bytes, so that a reader can tell who spoke. */
#include <errno.h>
#include <string.h>

#include "runtime/replay/replay_priv.h"

enum { ETHER = 14, FRAME_MAX = 65536 };

/* Where the last four bytes of each address stand in an IP header. */
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

int answers_write(struct capture_writer *w, const struct tx_entry *e, uint64_t time_ns)
{
    const struct pkt *p = e->pkt;
    if (e->kind != TX_SEND) return 0;
    if (p->link == LINK_ETHER) return capture_write(w, p->data, p->head_len, time_ns);
    uint8_t frame[ETHER + FRAME_MAX];
    const uint8_t *src, *dst;
    uint16_t type;
    if (p->head_len > FRAME_MAX || !tails(p, &src, &dst, &type)) return -EPROTO;
    memcpy(frame, (const uint8_t[2]){2, 0}, 2);
    memcpy(frame + 2, dst, 4);
    memcpy(frame + 6, (const uint8_t[2]){2, 0}, 2);
    memcpy(frame + 8, src, 4);
    frame[12] = (uint8_t)(type >> 8);
    frame[13] = (uint8_t)type;
    memcpy(frame + ETHER, p->data, p->head_len);
    return capture_write(w, frame, ETHER + p->head_len, time_ns);
}
