/* Cutting of super-packets: TCP into segments as their sender would make them (RFC 9293; CWR in the first only, FIN
 * and PSH in the last, RFC 3168), UDP into separate datagrams. */
#include "runtime/io/gso.h"

#include <string.h>

#include "runtime/io/offload.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

/* Places of a super-packet's headers. */
struct heads {
    uint32_t l3, l4, data; /* offsets from the frame's first byte */
    uint8_t proto;
    bool v4;
};

static bool heads_find(const struct pkt *p, struct heads *h)
{
    h->l4 = offload_l4(p, &h->l3, &h->proto);
    if (!h->l4 || h->l4 + (uint32_t)TCP_LEN > p->head_len) return false;
    h->v4 = p->data[h->l3] >> 4 == 4;
    h->data = h->l4 + (h->proto == IPPROTO_NR_TCP ? (p->data[h->l4 + TCP_OFFSET] >> 4) * 4u : UDP_LEN);
    return h->data < p->head_len && p->segment;
}

static void write_ip(uint8_t *ip, const struct heads *h, uint32_t l3_len, unsigned at)
{
    if (!h->v4) {
        wire_put16(ip + IP6_PAYLOAD, (uint16_t)(l3_len - IP6_LEN));
        return;
    }
    wire_put16(ip + IP4_TOTAL, (uint16_t)l3_len);
    wire_put16(ip + IP4_ID, (uint16_t)(wire_get16(ip + IP4_ID) + at));
    wire_put16(ip + IP4_SUM, 0);
    wire_put16(ip + IP4_SUM, csum_of(ip, h->l4 - h->l3));
}

/* Write the L4 checksum, with the pseudo header from the packet's addresses. */
static void write_sum(uint8_t *ip, const struct heads *h, uint32_t l4_len)
{
    const bool tcp = h->proto == IPPROTO_NR_TCP;
    uint8_t *l4 = ip + (h->l4 - h->l3), *field = l4 + (tcp ? (int)TCP_SUM : (int)UDP_SUM);
    const uint64_t addresses = h->v4 ? csum_add(0, ip + IP4_SRC, 8) : csum_add(0, ip + IP6_SRC, 32);
    wire_put16(field, 0);
    const uint16_t sum = csum_fold(csum_add(addresses + h->proto + l4_len, l4, l4_len));
    wire_put16(field, tcp ? sum : csum_udp(sum));
}

static struct pkt *piece(const struct pkt *super, const struct heads *h, uint32_t offset, unsigned at,
                         struct pool *pool)
{
    const uint32_t left = super->head_len - h->data - offset, len = left < super->segment ? left : super->segment;
    struct pkt *p = pool_get(pool);
    if (!p) return NULL;
    uint8_t *data = p->data;
    const uint16_t headroom = p->headroom;
    *p = *super;
    p->data = data;
    p->headroom = headroom;
    p->tailroom = 0;
    p->pool = pool;
    p->segment = 0;
    p->flags = PKT_WRITABLE;
    p->head_len = p->cap_len = p->wire_len = h->data + len;
    memcpy(data, super->data, h->data);
    memcpy(data + h->data, super->data + h->data + offset, len);
    write_ip(data + h->l3, h, h->data + len - h->l3, at);
    if (h->proto == IPPROTO_NR_TCP) {
        uint8_t *tcp = data + h->l4;
        enum { FIN_PSH = 1 | 8, CWR = 0x80 };
        wire_put32(tcp + TCP_SEQ, wire_get32(tcp + TCP_SEQ) + offset);
        if (len != left) tcp[TCP_FLAGS] &= (uint8_t)~FIN_PSH;
        if (offset) tcp[TCP_FLAGS] &= (uint8_t)~CWR;
    } else {
        wire_put16(data + h->l4 + UDP_LENGTH, (uint16_t)(UDP_LEN + len));
    }
    write_sum(data + h->l3, h, h->data + len - h->l4);
    return p;
}

bool gso_cut(const struct pkt *super, struct pool *pool, struct pkt *pieces[], unsigned *n)
{
    struct heads h;
    *n = 0;
    if (!heads_find(super, &h)) return false;
    for (uint32_t offset = 0; offset < super->head_len - h.data; offset += super->segment) {
        struct pkt *p = *n < GSO_PIECES ? piece(super, &h, offset, *n, pool) : NULL;
        if (!p) {
            while (*n) pool_put(pieces[--*n]);
            return false;
        }
        pieces[(*n)++] = p;
    }
    return *n > 0;
}
