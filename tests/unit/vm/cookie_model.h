/* A model of two hosts, after RFC 9293, 7323 and 2018, that send real packets and hold each other to the agreed
 * options. A middlebox that replies in one's name must not break them. Each host sends a stream and closes; it
 * retransmits, probes closed windows, and checks every packet that it gets. It uses only the parser of vm/. */
#ifndef TESTS_UNIT_VM_COOKIE_MODEL_H
#define TESTS_UNIT_VM_COOKIE_MODEL_H

#include "tests/lib/rng.h"
#include "tests/unit/vm/packet.h"
#include "vm/packet/wire.h"

enum { STREAM = 6000, FRAME = 2048, HOST_RTO_MS = 300 };

struct end {
    uint32_t a[4];
    uint16_t port;
};

struct frame {
    uint8_t bytes[FRAME];
    uint32_t len;
};

struct host {
    const char *name;
    struct end me, peer;
    bool v6, is_client;
    enum { CLOSED, LISTEN, SYN_SENT, SYN_RECEIVED, OPEN, DEAD } at;
    /* its capabilities, and the agreed options */
    bool can_stamps, can_sack, can_scale, stamps, sack, scaled;
    uint8_t scale, peer_scale;
    uint16_t mss, peer_mss;
    uint32_t clock_base; /* for its timestamps */
    uint32_t recent, first_stamp;
    /* sending */
    uint32_t iss, una, nxt, most, edge,
        stream; /* most: nxt at its highest; stream: bytes; the FIN is the next number after it */
    uint64_t retry_ms;
    unsigned tries;
    /* receiving */
    uint32_t irs, rcv_nxt, buffer, other_stream;
    bool got[STREAM + 2];
    bool finished; /* the peer's FIN came */
    bool ack_now;
    struct rng *rng;
};

/* Return a byte of the stream: each side has a different one. */
static inline uint8_t stream_byte(const struct host *sender, uint32_t at)
{
    return (uint8_t)(at * 31 + at / 256 * 7 + (sender->is_client ? 1 : 101));
}
static inline bool earlier(uint32_t a, uint32_t b) { return (int32_t)(a - b) < 0; }
static inline uint32_t host_fin(const struct host *h) { return h->iss + 1 + h->stream; }
static inline uint32_t host_stamp(const struct host *h, uint64_t now_ms) { return h->clock_base + (uint32_t)now_ms; }
/* True if everything was sent, acknowledged and received. */
static inline bool host_done(const struct host *h) { return h->at == OPEN && h->finished && h->una == host_fin(h) + 1; }

static inline uint32_t put_options(const struct host *h, uint8_t *at, bool syn, uint64_t now_ms)
{
    uint8_t *p = at;
    const bool stamps = syn && h->is_client ? h->can_stamps : h->stamps;
    if (syn) {
        *p++ = 2, *p++ = 4, wire_put16(p, h->mss), p += 2;
        if (h->is_client ? h->can_sack : h->sack) *p++ = 4, *p++ = 2, *p++ = 1, *p++ = 1;
        if (h->is_client ? h->can_scale : h->scaled) *p++ = 1, *p++ = 3, *p++ = 3, *p++ = h->scale;
    }
    if (stamps) {
        *p++ = 1, *p++ = 1, *p++ = 8, *p++ = 10;
        wire_put32(p, host_stamp(h, now_ms)), p += 4;
        wire_put32(p, syn && h->is_client ? 0 : h->recent), p += 4;
    }
    if (!syn && h->sack && h->rcv_nxt - (h->irs + 1) < h->other_stream) { /* the first hole's far side */
        uint32_t from = h->rcv_nxt - (h->irs + 1), to;
        while (from < h->other_stream && !h->got[from]) from++;
        for (to = from; to < h->other_stream && h->got[to]; to++) {}
        if (to > from) {
            *p++ = 1, *p++ = 1, *p++ = 5, *p++ = 10;
            wire_put32(p, h->irs + 1 + from), p += 4;
            wire_put32(p, h->irs + 1 + to), p += 4;
        }
    }
    return (uint32_t)(p - at);
}

/* Write [seq, seq + len) of its numbers as a packet. */
static inline void host_write(const struct host *h, uint32_t seq, uint32_t len, uint8_t flags, uint64_t now_ms,
                              struct frame *f)
{
    const uint32_t ip = h->v6 ? 40 : 20;
    uint8_t *tcp = f->bytes + ip;
    memset(f->bytes, 0, sizeof f->bytes);
    const bool syn = flags & TCP_SYN;
    const uint32_t header = 20 + put_options(h, tcp + 20, syn, now_ms);
    uint32_t payload = syn ? 0 : len;
    if (len && !syn && seq + len == host_fin(h) + 1) flags |= TCP_FIN, payload--;
    for (uint32_t i = 0; i < payload; i++) tcp[header + i] = stream_byte(h, seq + i - (h->iss + 1));
    const unsigned shift = syn || !h->scaled ? 0 : h->scale;
    const uint32_t window = h->buffer >> shift;
    wire_put16(tcp, h->me.port), wire_put16(tcp + 2, h->peer.port);
    wire_put32(tcp + 4, seq);
    wire_put32(tcp + 8, flags & TCP_ACK ? h->rcv_nxt : 0);
    tcp[12] = (uint8_t)(header / 4 << 4), tcp[13] = flags;
    wire_put16(tcp + 14, (uint16_t)(window < 65535 ? window : 65535));
    const uint32_t upper = header + payload;
    uint64_t pseudo;
    if (h->v6) {
        wire_put32(f->bytes, 6u << 28), wire_put16(f->bytes + 4, (uint16_t)upper);
        f->bytes[6] = 6, f->bytes[7] = 64;
        for (unsigned i = 0; i < 4; i++)
            wire_put32(f->bytes + 8 + 4 * i, h->me.a[i]), wire_put32(f->bytes + 24 + 4 * i, h->peer.a[i]);
        pseudo = csum_pseudo6(h->me.a, h->peer.a, 6, upper);
    } else {
        f->bytes[0] = 0x45, f->bytes[8] = 64, f->bytes[9] = 6;
        wire_put16(f->bytes + 2, (uint16_t)(ip + upper));
        wire_put32(f->bytes + 12, h->me.a[0]), wire_put32(f->bytes + 16, h->peer.a[0]);
        wire_put16(f->bytes + 10, csum_of(f->bytes, 20));
        pseudo = csum_pseudo4(h->me.a[0], h->peer.a[0], 6, upper);
    }
    wire_put16(tcp + 16, csum_fold(csum_add(pseudo, tcp, upper)));
    f->len = ip + upper;
}

/* Make the next packet that it sends by itself. False: none. */
static inline bool host_speak(struct host *h, uint64_t now_ms, struct frame *f)
{
    const bool retry = now_ms >= h->retry_ms;
    if (h->at == SYN_SENT || h->at == SYN_RECEIVED) {
        if (!retry) return false;
        h->retry_ms = now_ms + HOST_RTO_MS;
        h->nxt = h->most = h->iss + 1;
        host_write(h, h->iss, 1, h->at == SYN_SENT ? TCP_SYN : TCP_SYN | TCP_ACK, now_ms, f);
        return true;
    }
    if (h->at != OPEN) return false;
    if (retry && h->una != h->nxt) h->nxt = h->una; /* everything again */
    const uint32_t room = earlier(h->nxt, h->edge) ? h->edge - h->nxt : 0, left = host_fin(h) + 1 - h->nxt;
    const uint32_t most = h->peer_mss - (h->stamps ? 12u : 0u) - 12u /* leaves room for a SACK block */;
    uint32_t len = left < room ? left : room;
    if (len > most) len = most;
    if (len == 0 && left && retry) { /* a probe: half of the hosts send a byte, half send acknowledged data */
        h->retry_ms = now_ms + HOST_RTO_MS;
        if (h->iss & 1)
            host_write(h, h->una - 1, 0, TCP_ACK, now_ms, f);
        else
            host_write(h, h->nxt, 1, TCP_ACK, now_ms, f), h->most = earlier(h->most, h->nxt + 1) ? h->nxt + 1 : h->most;
        return true;
    }
    if (len == 0 && !h->ack_now) return false;
    h->ack_now = false;
    host_write(h, h->nxt, len, TCP_ACK, now_ms, f);
    h->nxt += len;
    if (earlier(h->most, h->nxt)) h->most = h->nxt;
    if (len) h->retry_ms = now_ms + HOST_RTO_MS;
    return true;
}

struct seen_options {
    bool stamps, sack_ok, has_scale;
    uint32_t stamp, echo, block[4][2];
    unsigned blocks;
    uint8_t scale;
    uint16_t mss;
};

static inline struct seen_options see_options(const uint8_t *at, uint32_t len)
{
    struct seen_options o = {0};
    for (uint32_t i = 0; i < len && at[i]; i += at[i] == 1 ? 1 : at[i + 1]) {
        if (at[i] == 1) continue;
        assert_in_range(at[i + 1], 2, len - i);
        if (at[i] == 2) o.mss = wire_get16(at + i + 2);
        if (at[i] == 3) o.has_scale = true, o.scale = at[i + 2];
        if (at[i] == 4) o.sack_ok = true;
        if (at[i] == 8) o.stamps = true, o.stamp = wire_get32(at + i + 2), o.echo = wire_get32(at + i + 6);
        if (at[i] == 5)
            for (unsigned b = 0; b < (at[i + 1] - 2u) / 8; b++) {
                o.block[b][0] = wire_get32(at + i + 2 + 8 * b);
                o.block[b][1] = wire_get32(at + i + 6 + 8 * b);
                o.blocks = b + 1;
            }
    }
    return o;
}

/* Check a packet for what the other side may not send. */
static inline void hold(const struct host *h, uint8_t flags, uint32_t ack, const struct seen_options *o,
                        uint32_t payload, uint32_t header, uint64_t now_ms)
{
    if (flags & TCP_RST) return;
    assert_int_equal(o->stamps, h->stamps);
    if (o->stamps) {
        assert_false(earlier(o->stamp, h->recent)); /* RFC 7323, 5 would drop it although it is in order */
        assert_false(earlier(host_stamp(h, now_ms), o->echo));
        assert_false(earlier(o->echo, h->first_stamp));
    }
    if (flags & TCP_ACK) assert_false(earlier(h->most, ack)); /* no acknowledgement of unsent data */
    if (o->blocks) assert_true(h->sack);
    for (unsigned i = 0; i < o->blocks; i++) {
        assert_true(earlier(o->block[i][0], o->block[i][1]));
        assert_false(earlier(o->block[i][0], ack));
        assert_false(earlier(host_fin(h) + 1, o->block[i][1]));
    }
    assert_in_range(payload + header - 20, 0, h->mss);
}

static inline void agree(struct host *h, const struct seen_options *o)
{
    h->peer_mss = o->mss ? o->mss : h->v6 ? 1220 : 536;
    h->stamps = h->can_stamps && o->stamps;
    h->sack = h->can_sack && o->sack_ok;
    h->scaled = h->can_scale && o->has_scale;
    h->peer_scale = o->scale;
    if (h->is_client) { /* no option that it didn't offer */
        assert_false(o->stamps && !h->can_stamps);
        assert_false(o->sack_ok && !h->can_sack);
        assert_false(o->has_scale && !h->can_scale);
    }
}

static inline void take_window(struct host *h, uint8_t flags, uint32_t ack, uint16_t window)
{
    const uint32_t bytes = (uint32_t)window << (flags & TCP_SYN || !h->scaled ? 0 : h->peer_scale);
    if (earlier(h->edge, ack + bytes)) h->edge = ack + bytes;
}

/* Receive a packet for this host. */
static inline void host_hear(struct host *h, const uint8_t *bytes, uint32_t len, const struct host *other,
                             uint64_t now_ms)
{
    const uint32_t ip = h->v6 ? 40 : 20;
    const uint8_t *tcp = bytes + ip;
    const uint32_t upper = len - ip, header = (tcp[12] >> 4) * 4u, payload = upper - header;
    struct end from = {.port = wire_get16(tcp)};
    if (!h->v6) assert_int_equal(csum_of(bytes, 20), 0);
    for (unsigned i = 0; i < (h->v6 ? 4u : 1u); i++) from.a[i] = wire_get32(bytes + (h->v6 ? 8 : 12) + 4 * i);
    const uint64_t pseudo =
        h->v6 ? csum_pseudo6(from.a, h->me.a, 6, upper) : csum_pseudo4(from.a[0], h->me.a[0], 6, upper);
    assert_int_equal(csum_fold(csum_add(pseudo, tcp, upper)), 0);
    assert_int_equal(wire_get16(tcp + 2), h->me.port);
    const uint8_t flags = tcp[13];
    const uint32_t seq = wire_get32(tcp + 4), ack = wire_get32(tcp + 8);
    const struct seen_options o = see_options(tcp + 20, header - 20);
    if (flags & TCP_RST) {
        if (h->at != LISTEN) h->at = DEAD;
        return;
    }
    if (h->at == LISTEN || h->at == SYN_SENT) {
        const uint8_t wanted = h->at == LISTEN ? TCP_SYN : TCP_SYN | TCP_ACK;
        if ((flags & (TCP_SYN | TCP_ACK)) != wanted) return;
        if (h->at == SYN_SENT) assert_int_equal(ack, h->iss + 1);
        h->peer = from;
        agree(h, &o);
        h->irs = seq, h->rcv_nxt = seq + 1, h->recent = o.stamp, h->other_stream = other->stream;
        if (h->at == LISTEN) {
            h->at = SYN_RECEIVED, h->retry_ms = 0, h->first_stamp = host_stamp(h, now_ms);
            h->edge = h->iss + 1 + wire_get16(tcp + 14);
            return;
        }
        h->at = OPEN, h->una = h->iss + 1, h->nxt = h->una, h->edge = h->una, h->ack_now = true;
        h->retry_ms = now_ms + HOST_RTO_MS;
        take_window(h, flags, ack, wire_get16(tcp + 14));
        return;
    }
    if (h->at == DEAD || h->at == CLOSED) return;
    assert_memory_equal(&from, &h->peer, sizeof from);
    if (flags & TCP_SYN) { /* its ACK was lost */
        h->ack_now = h->at == OPEN;
        if (h->at == SYN_RECEIVED) h->retry_ms = 0;
        return;
    }
    hold(h, flags, ack, &o, payload, header, now_ms);
    if (h->at == SYN_RECEIVED) {
        if (!(flags & TCP_ACK) || ack != h->iss + 1) return;
        h->at = OPEN, h->una = ack, h->nxt = ack, h->retry_ms = now_ms + HOST_RTO_MS;
    }
    if (o.stamps && !earlier(h->rcv_nxt, seq)) h->recent = o.stamp;
    if (earlier(h->una, ack)) {
        h->una = ack;
        if (earlier(h->nxt, ack)) h->nxt = ack;
        h->retry_ms = now_ms + HOST_RTO_MS;
    }
    take_window(h, flags, ack, wire_get16(tcp + 14));
    const uint32_t first = seq - (h->irs + 1);
    for (uint32_t i = 0; i < payload; i++) {
        assert_in_range(first + i, 0, h->other_stream - 1);
        assert_int_equal(tcp[header + i], stream_byte(other, first + i));
        h->got[first + i] = true;
    }
    if (flags & TCP_FIN) h->got[first + payload] = true;
    while (h->rcv_nxt - (h->irs + 1) <= h->other_stream && h->got[h->rcv_nxt - (h->irs + 1)]) h->rcv_nxt++;
    h->finished = h->rcv_nxt - (h->irs + 1) == h->other_stream + 1;
    if (payload || flags & TCP_FIN || earlier(seq, h->rcv_nxt)) h->ack_now = true;
}

#endif
