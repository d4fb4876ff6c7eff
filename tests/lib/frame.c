/* Building frames from numbers: see frame.h. */
#include "tests/lib/frame.h"

#include <string.h>

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

static void checksum_put(uint8_t *ip)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < 20; i += 2) sum += (uint32_t)ip[i] << 8 | ip[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    put16(ip + 10, ~(sum + (sum >> 16)) & 0xffff);
}

uint8_t *frame_fill(const struct header *h, unsigned len, uint8_t *out)
{
    static const uint8_t ether[14] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};
    uint8_t *ip = out + 14, *l4 = ip + 20;
    memset(out, 0, len);
    memcpy(out, ether, sizeof ether);
    ip[0] = 0x45;
    put16(ip + 2, len - 14);
    ip[8] = 64;
    ip[9] = h->proto;
    put32(ip + 12, h->src);
    put32(ip + 16, h->dst);
    checksum_put(ip);
    if (h->proto == 6 || h->proto == 17 || h->proto == 132) {
        put16(l4, h->src_port);
        put16(l4 + 2, h->dst_port);
    }
    if (h->proto == 6) put16(l4 + 12, 0x5010); /* 20 bytes, ACK */
    if (h->proto == 17) put16(l4 + 4, len - 34);
    return l4;
}

void frame_build(const struct header *h, uint8_t out[FRAME_LEN]) { (void)frame_fill(h, FRAME_LEN, out); }

void frame_segment(uint8_t *tcp, uint32_t seq, uint32_t ack, unsigned flags)
{
    put32(tcp + 4, seq);
    put32(tcp + 8, ack);
    tcp[13] = (uint8_t)flags;
}
