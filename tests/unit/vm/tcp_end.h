/* A small TCP that sends and receives real packets: numbers, windows and their scales, timestamps, SACK, FIN. It
 * only keeps counts, because each octet follows from its place in the stream. It checks all promises to its
 * connection: arriving data was sent, only data that it has sent is acknowledged, no octet comes beyond its window. */
#ifndef TESTS_UNIT_VM_TCP_END_H
#define TESTS_UNIT_VM_TCP_END_H

#include "tests/lib/rng.h"
#include "tests/unit/vm/inline_frame.h"

enum { END_STREAM = 4200, END_FRAME = 512, END_MSS = 200, END_UNSCALED = 255, END_PROXY = 7 };

/* A stream of octets; it may begin with some that aren't the first end's, such as a PROXY header */
struct stream {
    unsigned id, ahead;
};

struct end {
    const char *name;
    enum { END_LISTENS, END_SYN_SENT, END_SYN_GOT, END_OPEN, END_DEAD } at;
    struct frame as; /* addresses, ports and link of its packets */
    struct stream out, in;
    uint32_t iss, irs;
    uint16_t mss, peer_mss;
    uint8_t scale, peer_scale; /* END_UNSCALED: not offered */
    bool stamps, sack;         /* offered; when open: agreed on */
    /* In octets of the stream; the FIN is one more */
    uint32_t una, nxt, probed, written, allowed;
    bool closes;
    uint32_t got_all, read, buffer, edge, slack,
        acked; /* edge: largest announced; slack: how far rounding on the path may pass it */
    bool got[END_STREAM + 1], fin;
    uint32_t fin_at;
    uint32_t clock, recent, newest; /* TSval at time 0, TS.Recent, newest TSval sent */
    bool owes;                      /* it owes an acknowledgement */
    unsigned stale;                 /* segments that PAWS has dropped */
};

/* A segment's contents */
struct said {
    uint32_t seq, ack, window, len, stamp, echo, blocks, sack[4][2];
    uint16_t mss, sport, dport;
    uint8_t flags, scale;
    bool stamped, may_sack;
    const uint8_t *payload;
};

static inline uint8_t octet(const struct stream *s, uint32_t n)
{
    if (n < s->ahead) return 0xee;
    n -= s->ahead;
    return (uint8_t)(n * 31 + n / 251 + s->id * 101);
}

static inline uint32_t least_of(uint32_t a, uint32_t b) { return a < b ? a : b; }
static inline bool end_scaled(const struct end *e) { return e->scale != END_UNSCALED && e->peer_scale != END_UNSCALED; }

static inline uint32_t end_get(const uint8_t *p, unsigned n)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < n; i++) v = v << 8 | p[i];
    return v;
}

/* Read a bare packet. False if its checksum is wrong. */
static inline bool said_read(const uint8_t *ip, uint32_t len, struct said *s)
{
    const bool v6 = ip[0] >> 4 == 6;
    const uint8_t *tcp = ip + (v6 ? 40 : 20);
    const uint32_t whole = v6 ? end_get(ip + 4, 2) + 40 : end_get(ip + 2, 2), rest = whole - (v6 ? 40 : 20);
    assert_int_equal(whole, len);
    if (!v6) assert_int_equal(plain_sum(ip, 20, 0), 0);
    const uint32_t pseudo = (uint32_t)(uint16_t)~plain_sum(ip + (v6 ? 8 : 12), v6 ? 32 : 8, 0) + 6 + rest;
    if (plain_sum(tcp, rest, (pseudo & 0xffff) + (pseudo >> 16)) != 0) return false;
    const uint32_t header = (tcp[12] >> 4) * 4u;
    assert_in_range(header, 20, rest);
    *s = (struct said){.sport = (uint16_t)end_get(tcp, 2),
                       .dport = (uint16_t)end_get(tcp + 2, 2),
                       .seq = end_get(tcp + 4, 4),
                       .ack = end_get(tcp + 8, 4),
                       .flags = tcp[13],
                       .window = end_get(tcp + 14, 2),
                       .scale = END_UNSCALED,
                       .len = rest - header,
                       .payload = tcp + header};
    for (uint32_t at = 20, step; at < header; at += step) {
        const uint8_t kind = tcp[at];
        step = kind == 1 ? 1 : tcp[at + 1];
        if (kind == 0) break;
        assert_true(step && at + step <= header);
        if (kind == 2) s->mss = (uint16_t)end_get(tcp + at + 2, 2);
        if (kind == 3) s->scale = tcp[at + 2];
        if (kind == 4) s->may_sack = true;
        if (kind == 8) s->stamped = true, s->stamp = end_get(tcp + at + 2, 4), s->echo = end_get(tcp + at + 6, 4);
        for (uint32_t k = 2; kind == 5 && k < step; k += 8, s->blocks++) {
            s->sack[s->blocks][0] = end_get(tcp + at + k, 4);
            s->sack[s->blocks][1] = end_get(tcp + at + k + 4, 4);
        }
    }
    return true;
}

/* Return the window to announce: never less than it has announced before (as in Linux). */
static inline uint16_t end_window(struct end *e, bool syn)
{
    const uint32_t unread = e->got_all - least_of(e->got_all, e->read), free = e->buffer - least_of(e->buffer, unread);
    const unsigned shift = syn || !end_scaled(e) ? 0 : e->scale;
    const uint32_t standing = e->edge > e->got_all ? e->edge - e->got_all : 0;
    uint32_t v = free >> shift;
    if (v << shift < standing) v = (standing + (1u << shift) - 1) >> shift;
    v = least_of(v, 65535);
    if (e->got_all + (v << shift) > e->edge) e->edge = e->got_all + (v << shift);
    return (uint16_t)v;
}

static inline uint32_t end_options(struct end *e, uint8_t flags, uint32_t now_ms, uint8_t *at)
{
    uint32_t n = 0;
    const bool syn = flags & TCP_SYN;
    if (syn) n += frame_word(at + n, 0x02040000u | e->mss, 4);
    if (syn && e->scale != END_UNSCALED) n += frame_word(at + n, 0x01030300u | e->scale, 4);
    if (syn && e->sack) n += frame_word(at + n, 0x01010402, 4);
    if (e->stamps) {
        n += frame_word(at + n, 0x0101080a, 4);
        n += frame_word(at + n, e->clock + now_ms, 4);
        n += frame_word(at + n, flags & TCP_ACK ? e->recent : 0, 4);
        e->newest = e->clock + now_ms;
    }
    if (syn || !e->sack) return n;
    const uint32_t head = n;
    unsigned blocks = 0;
    n += 4;
    for (uint32_t i = e->got_all; i <= END_STREAM && blocks < (e->stamps ? 3 : 4); i++) {
        if (!e->got[i]) continue;
        n += frame_word(at + n, e->irs + 1 + i, 4);
        while (i <= END_STREAM && e->got[i]) i++;
        n += frame_word(at + n, e->irs + 1 + i, 4);
        blocks++;
    }
    if (!blocks) return head;
    frame_word(at + head, 0x01010500u | (2 + 8 * blocks), 4);
    return n;
}

/* Write a segment of `n` numbers from octet `from` on; a SYN has none. Return its length, with its link. */
static inline uint32_t end_write(struct end *e, uint8_t flags, uint32_t from, uint32_t n, uint32_t now_ms,
                                 uint8_t out[END_FRAME])
{
    uint8_t tcp[END_FRAME] = {0};
    const bool syn = flags & TCP_SYN, fin = e->closes && n && from + n == e->written + 1;
    const uint32_t head = 20 + end_options(e, flags, now_ms, tcp + 20), len = n - fin;
    if (fin) flags |= TCP_FIN;
    frame_word(tcp, (uint32_t)e->as.sport << 16 | e->as.dport, 4);
    frame_word(tcp + 4, syn ? e->iss : e->iss + 1 + from, 4);
    frame_word(tcp + 8, flags & TCP_ACK ? e->irs + 1 + e->got_all : 0, 4);
    frame_word(tcp + 12, head / 4 << 28 | (uint32_t)flags << 16 | end_window(e, syn), 4);
    for (uint32_t i = 0; i < len; i++) tcp[head + i] = octet(&e->out, from + i);
    uint32_t sum = 6 + head + len;
    for (unsigned i = 0; i < (e->as.v6 ? 4 : 1); i++)
        sum += (e->as.src[i] >> 16) + (e->as.src[i] & 0xffff) + (e->as.dst[i] >> 16) + (e->as.dst[i] & 0xffff);
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    frame_word(tcp + 16, plain_sum(tcp, head + len, sum), 2);
    const uint32_t link = frame_link(&e->as, out), ip = frame_ip(&e->as, out + link, head + len);
    memcpy(out + link + ip, tcp, head + len);
    if (from + n > e->nxt && !syn) e->nxt = from + n;
    if (e->nxt > e->probed) e->probed = e->nxt;
    e->acked = e->got_all;
    e->owes = false;
    return link + ip + head + len;
}

/* Agree on the options that both SYNs offer. */
static inline void end_agree(struct end *e, const struct said *s)
{
    e->irs = s->seq;
    e->peer_mss = s->mss ? s->mss : 536;
    e->peer_scale = s->scale;
    e->stamps &= s->stamped;
    e->sack &= s->may_sack;
    e->recent = s->stamp;
    e->allowed = s->window;
}

static inline void end_hear_ack(struct end *e, const struct said *s)
{
    const uint32_t acked = s->ack - (e->iss + 1);
    if ((int32_t)acked < 0) return;
    if (acked > e->probed) fail_msg("%s: %u is acknowledged, and %u was sent", e->name, acked, e->probed);
    for (unsigned i = 0; i < s->blocks; i++) {
        const uint32_t left = s->sack[i][0] - (e->iss + 1), right = s->sack[i][1] - (e->iss + 1);
        if (left <= acked || left >= right || right > e->probed)
            fail_msg("%s: SACK of %u to %u; %u acknowledged, %u sent", e->name, left, right, acked, e->probed);
    }
    if (acked > e->una) e->una = acked;
    if (e->una > e->nxt) e->nxt = e->una;
    const uint32_t edge = acked + (s->window << (end_scaled(e) && !(s->flags & TCP_SYN) ? e->peer_scale : 0));
    if (edge > e->allowed) e->allowed = edge;
}

static inline void end_hear_data(struct end *e, const struct said *s)
{
    const uint32_t from = s->seq - (e->irs + 1), fin = s->flags & TCP_FIN ? 1 : 0, end = from + s->len + fin;
    if ((int32_t)from < 0 && s->len + fin == 0) return;
    if ((int32_t)end > (int32_t)(e->edge + e->slack + 1)) fail_msg("%s: octet %u past %u", e->name, end, e->edge);
    for (uint32_t i = 0; i < s->len; i++) {
        const uint32_t n = from + i;
        if ((int32_t)n < 0) continue;
        if (n >= END_STREAM) fail_msg("%s: octet %u of a segment from %u", e->name, n, from);
        if (s->payload[i] != octet(&e->in, n)) fail_msg("%s: octet %u is another one", e->name, n);
        if (n < e->edge) e->got[n] = true;
    }
    if (fin) e->fin = true, e->fin_at = from + s->len;
    if (fin && e->fin_at < e->edge + 1) e->got[e->fin_at] = true;
    while (e->got_all <= END_STREAM && e->got[e->got_all]) e->got_all++;
    if (s->len + fin) e->owes = true;
}

/* Receive a segment. */
static inline void end_hear(struct end *e, const struct said *s)
{
    if (s->flags & TCP_RST) fail_msg("%s: it is reset", e->name);
    if (e->at == END_LISTENS || e->at == END_SYN_SENT) {
        if (!(s->flags & TCP_SYN)) return;
        end_agree(e, s);
        if (e->at == END_SYN_SENT) end_hear_ack(e, s);
        e->at = e->at == END_LISTENS ? END_SYN_GOT : END_OPEN;
        e->owes = true;
        return;
    }
    if (s->flags & TCP_SYN) {
        e->owes = true;
        return;
    }
    if (s->stamped != e->stamps) fail_msg("%s: timestamps", e->name);
    if (e->stamps && (int32_t)(e->newest - s->echo) < 0) fail_msg("%s: an echo of what it has not sent", e->name);
    if (e->stamps && (int32_t)(s->stamp - e->recent) < 0) {
        e->stale++;
        e->owes = true;
        return;
    }
    if (e->stamps && (int32_t)(s->seq - (e->irs + 1 + e->acked)) <= 0) e->recent = s->stamp;
    e->at = END_OPEN;
    if (s->blocks && !e->sack) fail_msg("%s: SACK", e->name);
    end_hear_ack(e, s);
    end_hear_data(e, s);
}

/* True if everything it must send was acknowledged, and everything from the other end has come. */
static inline bool end_done(const struct end *e)
{
    return e->closes && e->una == e->written + 1 && e->fin && e->got_all == e->fin_at + 1;
}

#endif
