/* TCP frames, byte by byte, for the tests of wire connections: sent frames, and expected ones. */
#ifndef TESTS_UNIT_VM_INLINE_FRAME_H
#define TESTS_UNIT_VM_INLINE_FRAME_H

#include "tests/unit/vm/packet.h"
#include "vm/packet/wire.h"

enum { FRAME_MOST = 256, BARE = -1 /* BARE: no link header */ };

struct frame {
    uint64_t to, from; /* MACs */
    int tags;          /* BARE, or the number of tags */
    uint16_t tpid[2], tci[2];
    bool v6;
    uint8_t ttl, tos, flags;
    uint32_t src[4], dst[4];
    uint16_t sport, dport, window, mss; /* mss 0: no option */
    uint32_t seq, ack;
    const char *says;
    const char *options; /* after the MSS; a multiple of 4 bytes */
    unsigned options_len;
};

static inline uint32_t frame_word(uint8_t *at, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) at[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    return bytes;
}

static inline uint32_t frame_link(const struct frame *f, uint8_t *at)
{
    uint32_t n = 0;
    if (f->tags == BARE) return 0;
    for (unsigned i = 0; i < 2; i++) {
        const uint64_t mac = i ? f->from : f->to;
        n += frame_word(at + n, (uint32_t)(mac >> 16), 4);
        n += frame_word(at + n, mac & 0xffff, 2);
    }
    for (int i = 0; i < f->tags; i++) {
        n += frame_word(at + n, f->tpid[i], 2);
        n += frame_word(at + n, f->tci[i], 2);
    }
    return n + frame_word(at + n, f->v6 ? 0x86dd : 0x0800, 2);
}

static inline uint32_t frame_ip(const struct frame *f, uint8_t *at, uint32_t len)
{
    if (f->v6) {
        frame_word(at, 6u << 28 | (uint32_t)f->tos << 20, 4);
        frame_word(at + 4, len << 16 | 6u << 8 | f->ttl, 4);
        for (unsigned i = 0; i < 4; i++)
            frame_word(at + 8 + 4 * i, f->src[i], 4), frame_word(at + 24 + 4 * i, f->dst[i], 4);
        return 40;
    }
    frame_word(at, 0x45u << 24 | (uint32_t)f->tos << 16 | (20 + len), 4);
    frame_word(at + 4, 0x12344000, 4);
    frame_word(at + 8, (uint32_t)f->ttl << 24 | 6u << 16, 4);
    frame_word(at + 12, f->src[0], 4);
    frame_word(at + 16, f->dst[0], 4);
    frame_word(at + 10, plain_sum(at, 20, 0), 2);
    return 20;
}

static inline uint32_t frame_tcp(const struct frame *f, uint8_t *at)
{
    const uint32_t bare = f->mss ? 24 : 20, head = bare + f->options_len;
    frame_word(at, (uint32_t)f->sport << 16 | f->dport, 4);
    frame_word(at + 4, f->seq, 4);
    frame_word(at + 8, f->ack, 4);
    frame_word(at + 12, head / 4 << 28 | (uint32_t)f->flags << 16 | f->window, 4);
    frame_word(at + 16, 0, 4);
    if (f->mss) frame_word(at + 20, 0x02040000u | f->mss, 4);
    if (f->options_len) memcpy(at + bare, f->options, f->options_len);
    if (f->says) memcpy(at + head, f->says, strlen(f->says));
    const uint32_t len = head + (f->says ? (uint32_t)strlen(f->says) : 0);
    uint32_t sum = 6 + len;
    for (unsigned i = 0; i < (f->v6 ? 4 : 1); i++)
        sum += (f->src[i] >> 16) + (f->src[i] & 0xffff) + (f->dst[i] >> 16) + (f->dst[i] & 0xffff);
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    frame_word(at + 16, plain_sum(at, len, sum), 2);
    return len;
}

/* Write the frame. Return its length. */
static inline uint32_t frame_bytes(const struct frame *f, uint8_t at[FRAME_MOST])
{
    uint8_t tcp[FRAME_MOST];
    const uint32_t len = frame_tcp(f, tcp), link = frame_link(f, at), ip = frame_ip(f, at + link, len);
    memcpy(at + link + ip, tcp, len);
    return link + ip + len;
}

#endif
