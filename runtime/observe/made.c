/* Headers are made from the tuple; the handshake and the ends are made up, and sequence numbers are offsets */
#include "runtime/observe/made.h"

#include <string.h>

#include "vm/packet/key.h"
#include "vm/packet/wire.h"

enum { SEGMENT = 1440, TCP_HEADER = 20, TTL = 64, WINDOW = 0xffff, TCP = 6 };

static uint8_t *put_link(uint8_t *at, const struct observe_ends *ends, unsigned half)
{
    static const uint8_t client[6] = {2, 0, 0, 0, 0, 1}, server[6] = {2, 0, 0, 0, 0, 2};
    memcpy(at, half == OBSERVE_CLIENT ? server : client, 6);
    memcpy(at + 6, half == OBSERVE_CLIENT ? client : server, 6);
    at += 12;
    for (unsigned i = 0; i < 2 && ends->vlan[i] != OBSERVE_NO_VLAN; i++, at += 4) {
        wire_put16(at, 0x8100);
        wire_put16(at + 2, ends->vlan[i] & 0xfff);
    }
    wire_put16(at, ends->family == 4 ? 0x0800 : 0x86dd);
    return at + 2;
}

static uint8_t *put_ip(uint8_t *at, const struct observe_ends *ends, const uint32_t src[4], const uint32_t dst[4],
                       uint32_t len)
{
    const unsigned words = ends->family == 4 ? 1 : 4, head = ends->family == 4 ? 20 : 40;
    memset(at, 0, head);
    if (words == 1) {
        at[0] = 0x45;
        wire_put16(at + 2, (uint16_t)(head + len));
        wire_put16(at + 6, 0x4000);
        at[8] = TTL;
        at[9] = TCP;
    } else {
        at[0] = 0x60;
        wire_put16(at + 4, (uint16_t)len);
        at[6] = TCP;
        at[7] = TTL;
    }
    uint8_t *to = at + (words == 1 ? 12 : 8);
    for (unsigned i = 0; i < words; i++, to += 4) wire_put32(to, src[i]);
    for (unsigned i = 0; i < words; i++, to += 4) wire_put32(to, dst[i]);
    if (words == 1) wire_put16(at + 10, csum_of(at, head));
    return at + head;
}

struct segment {
    unsigned half;
    uint32_t seq, ack;
    uint8_t flags;
    const uint8_t *bytes;
    uint32_t len;
};

static void put_segment(const struct observe_ends *ends, const struct segment *s, made_frame *put, void *arg)
{
    uint8_t frame[MADE_FRAME];
    const bool client = s->half == OBSERVE_CLIENT;
    const uint32_t *src = client ? ends->client : ends->server, *dst = client ? ends->server : ends->client;
    const uint32_t len = TCP_HEADER + s->len;
    uint8_t *tcp = put_ip(put_link(frame, ends, s->half), ends, src, dst, len);
    memset(tcp, 0, TCP_HEADER);
    wire_put16(tcp, client ? ends->client_port : ends->server_port);
    wire_put16(tcp + 2, client ? ends->server_port : ends->client_port);
    wire_put32(tcp + 4, s->seq);
    wire_put32(tcp + 8, s->flags & TCP_ACK ? s->ack : 0);
    tcp[12] = TCP_HEADER / 4 << 4;
    tcp[13] = s->flags;
    wire_put16(tcp + 14, WINDOW);
    if (s->len) memcpy(tcp + TCP_HEADER, s->bytes, s->len);
    const uint64_t pseudo =
        ends->family == 4 ? csum_pseudo4(src[0], dst[0], TCP, len) : csum_pseudo6(src, dst, TCP, len);
    wire_put16(tcp + 16, csum_fold(csum_add(pseudo, tcp, len)));
    put(arg, frame, (uint32_t)(tcp + len - frame));
}

/* Return the sequence number of an offset: a SYN has number 0. */
static uint32_t seq_of(uint64_t offset) { return (uint32_t)(offset + 1); }

static void handshake_begin(struct made *m, const struct observe_ends *ends, made_frame *put, void *arg)
{
    const struct segment syn = {.half = OBSERVE_CLIENT, .flags = TCP_SYN},
                         answer = {.half = OBSERVE_SERVER, .ack = 1, .flags = TCP_SYN | TCP_ACK},
                         ack = {.half = OBSERVE_CLIENT, .seq = 1, .ack = 1, .flags = TCP_ACK};
    if (m->begun) return;
    m->begun = true;
    if (ends->midstream) return;
    put_segment(ends, &syn, put, arg);
    put_segment(ends, &answer, put, arg);
    put_segment(ends, &ack, put, arg);
}

void made_bytes(struct made *m, const struct observe_ends *ends, unsigned half, uint64_t offset, const uint8_t *bytes,
                uint64_t len, made_frame *put, void *arg)
{
    handshake_begin(m, ends, put, arg);
    while (len) {
        const uint32_t some = len < SEGMENT ? (uint32_t)len : SEGMENT;
        const struct segment s = {.half = half,
                                  .seq = seq_of(offset),
                                  .ack = seq_of(m->next[!half]),
                                  .flags = TCP_ACK | TCP_PSH,
                                  .bytes = bytes,
                                  .len = some};
        put_segment(ends, &s, put, arg);
        offset += some;
        bytes += some;
        len -= some;
        m->next[half] = offset;
    }
}

void made_end(struct made *m, const struct observe_ends *ends, const struct observe_summary *sum, made_frame *put,
              void *arg)
{
    uint64_t fin[OBSERVE_HALVES] = {0, 0};
    if (!m->begun) return;
    for (unsigned h = 0; h < OBSERVE_HALVES; h++) {
        if (!sum->half[h].fin) continue;
        const struct segment s = {.half = h,
                                  .seq = seq_of(m->next[h]),
                                  .ack = (uint32_t)(seq_of(m->next[!h]) + fin[!h]),
                                  .flags = TCP_FIN | TCP_ACK};
        put_segment(ends, &s, put, arg);
        fin[h] = 1;
    }
    const unsigned last = sum->why == OBSERVE_WHY_RESET && !sum->reset_by_server ? OBSERVE_CLIENT : OBSERVE_SERVER;
    const unsigned by = sum->why == OBSERVE_WHY_RESET ? last : OBSERVE_CLIENT;
    const struct segment s = {.half = by,
                              .seq = (uint32_t)(seq_of(m->next[by]) + fin[by]),
                              .ack = (uint32_t)(seq_of(m->next[!by]) + fin[!by]),
                              .flags = (uint8_t)(sum->why == OBSERVE_WHY_RESET ? TCP_RST | TCP_ACK : TCP_ACK)};
    if (sum->why == OBSERVE_WHY_RESET || fin[!by]) put_segment(ends, &s, put, arg);
}
