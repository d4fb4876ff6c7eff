/* A splice between two modelled endpoints with random options, over paths that lose, repeat and reorder: each gets
 * the other's data, and nothing that its own flow forbids. Half of the splices keep the edges of windows: there no
 * window shrinks unless the peer's own did, or, by less than one unit of its scale (RFC 7323, 2.4), if rounding
 * announced more than the peer has. */
#include "tests/unit/vm/act.h"

#include <stdio.h>

#include "vm/forward/splice/splice.h"

enum { STREAM = 6000, FLIGHT = 12, STEPS_MOST = 60000 };

/* An endpoint's view of its own flow. Numbers count from its joint: byte n of its stream is number `mine` + n. */
struct endpoint {
    unsigned at; /* 0 or 1 */
    bool v6;
    struct splice_end end;          /* as the middlebox sees it: in = mine, out = theirs */
    uint32_t mine, theirs;          /* the next numbers at the joint */
    uint32_t una, nxt;              /* bytes of its stream: acknowledged, sent (STREAM + 1 with the FIN) */
    uint32_t allowed;               /* right edge that the peer's windows gave */
    uint16_t told_mss;              /* MSS that we announced to it */
    uint32_t room;                  /* receive window, bytes */
    bool got[STREAM + 1];           /* received bytes of the peer's stream, its FIN last */
    uint32_t got_all;               /* their number without a gap */
    uint32_t edge;                  /* right edge that it announced */
    uint32_t own, told;             /* right edge of its newest segment; the largest that it got */
    uint32_t breath;                /* largest window that it opens to, repeatedly */
    uint32_t clock, recent, echoed; /* its timestamp clock, TS.Recent, newest echoed TSval */
};

struct wire {
    struct pkt *pkts[FLIGHT];
    unsigned count;
};

static uint8_t byte_of(unsigned at, uint32_t n) { return (uint8_t)(n * 31 + n / 251 + at * 101); }
static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }
static bool has(const struct endpoint *e, uint8_t what) { return e->end.has & what; }

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static uint32_t get16(const uint8_t *p) { return (uint32_t)p[0] << 8 | p[1]; }

static void endpoint_draw(struct endpoint *e, unsigned at, bool v6, bool keeps, struct rng *r)
{
    *e = (struct endpoint){.at = at, .v6 = v6};
    e->mine = rng_one_in(r, 3) ? (uint32_t)0 - rng_below(r, STREAM) : (uint32_t)rng_next(r);
    e->theirs = rng_one_in(r, 3) ? (uint32_t)0 - rng_below(r, STREAM) : (uint32_t)rng_next(r);
    e->clock = rng_one_in(r, 3) ? (uint32_t)0 - rng_below(r, 100) : (uint32_t)rng_next(r);
    e->recent = e->echoed = (uint32_t)rng_next(r);
    e->end = (struct splice_end){
        .in = e->mine,
        .out = e->theirs,
        .stamp_in = e->clock,
        .stamp_out = e->recent,
        .mss = (uint16_t)(200 + rng_below(r, 1300)),
        .scale_in = (uint8_t)rng_below(r, keeps ? 15 : 9),
        .scale_out = (uint8_t)rng_below(r, keeps ? 15 : 9),
        .keeps_edge = keeps,
        .has = (uint8_t)rng_below(r, 8),
    };
    e->echoed = e->clock;
    e->room = 4096 + rng_below(r, 20000);
}

/* Add SACK blocks for data beyond a gap. */
static unsigned add_sack(const struct endpoint *e, unsigned most, char *out, size_t size)
{
    char blocks[80] = "";
    unsigned count = 0;
    size_t at = 0;
    for (uint32_t n = e->got_all; n <= STREAM && count < most; n++) {
        if (!e->got[n]) continue;
        uint32_t from = n;
        while (n <= STREAM && e->got[n]) n++;
        at += (size_t)snprintf(blocks + at, sizeof(blocks) - at, "%08x%08x", e->theirs + from, e->theirs + n);
        count++;
    }
    if (count) snprintf(out, size, "0101 05%02x%s", 2 + 8 * count, blocks);
    return count;
}

/* Make a segment of the endpoint, as notation: options in its own order, numbers of its own flow. */
static void segment(struct endpoint *e, uint32_t from, uint32_t len, bool fin, struct rng *r, char *out, size_t size)
{
    char stamps[40] = "", sack[120] = "", options[200] = "", spaced[200];
    static char payload[2 * STREAM + 1];
    for (uint32_t i = 0; i < len; i++) snprintf(payload + 2 * i, 3, "%02x", byte_of(e->at, from + i));
    payload[2 * len] = '\0';
    if (has(e, SPLICE_STAMPS)) {
        e->clock += rng_below(r, 3);
        snprintf(stamps, sizeof(stamps), rng_one_in(r, 2) ? "0101080a%08x%08x" : "01080a%08x%08x01", e->clock,
                 e->recent);
    }
    if (has(e, SPLICE_SACK)) add_sack(e, stamps[0] ? 3 : 4, sack, sizeof(sack));
    snprintf(spaced, sizeof(spaced), "%s%s", rng_one_in(r, 2) ? stamps : "", sack);
    if (strncmp(spaced, stamps, strlen(stamps)) != 0) snprintf(spaced, sizeof(spaced), "%s%s", sack, stamps);
    for (unsigned i = 0, at = 0; spaced[i]; i++)
        if (spaced[i] != ' ') options[at++] = spaced[i];

    uint32_t window = least(e->room >> e->end.scale_in, 65535);
    e->own = e->got_all + (window << e->end.scale_in);
    if (e->own > e->edge) e->edge = e->own;
    const bool ecn = has(e, SPLICE_ECN);
    int at =
        snprintf(out, size, "%s%s / tcp %u > %u ack%s%s%s seq %u ack %u win %u",
                 e->v6 ? "ip6 ::1 > ::2" : "ip4 1.1.1.1 > 2.2.2.2", ecn && len ? (e->v6 ? " tclass 2" : " tos 2") : "",
                 e->at + 1, 2 - e->at, fin ? " fin" : "", ecn && rng_one_in(r, 4) ? " ece" : "",
                 ecn && rng_one_in(r, 4) ? " cwr" : "", e->mine + from, e->theirs + e->got_all, window);
    if (options[0]) at += snprintf(out + at, size - (size_t)at, " opt x\"%s\"", options);
    if (len) snprintf(out + at, size - (size_t)at, " / payload x\"%s\"", payload);
}

/* A segment's contents, parsed independently. */
struct heard {
    uint32_t seq, ack, window, len, options_len;
    bool fin, stamped, marked; /* marked: any ECN bit is set, in TCP or IP */
    uint32_t stamp, echo, blocks, sack[4][2];
    const uint8_t *payload;
};

static void hear(const struct pkt *pkt, bool v6, struct heard *h)
{
    const uint8_t *ip = pkt->data, *tcp = ip + (v6 ? 40 : 20);
    uint32_t total = v6 ? get16(ip + 4) + 40 : get16(ip + 2), len = total - (v6 ? 40 : 20);
    assert_int_equal(total, pkt->head_len);
    if (!v6) assert_int_equal(plain_sum(ip, 20, 0), 0);
    uint32_t pseudo = (uint32_t)(uint16_t)~plain_sum(ip + (v6 ? 8 : 12), v6 ? 32 : 8, 0) + 6 + len;
    assert_int_equal(plain_sum(tcp, len, (pseudo & 0xffff) + (pseudo >> 16)), 0);
    uint32_t header = (tcp[12] >> 4) * 4u;
    assert_in_range(header, 20, len);
    *h = (struct heard){.seq = get32(tcp + 4),
                        .ack = get32(tcp + 8),
                        .window = get16(tcp + 14),
                        .len = len - header,
                        .options_len = header - 20,
                        .fin = tcp[13] & 1,
                        .marked = tcp[13] & 0xc0 || (v6 ? ip[1] >> 4 & 3 : ip[1] & 3),
                        .payload = tcp + header};
    for (uint32_t at = 20; at < header;) {
        uint8_t kind = tcp[at], step = kind == 1 ? 1 : tcp[at + 1];
        assert_true(kind == 1 || kind == 5 || kind == 8);
        if (kind == 8) {
            assert_int_equal(step, 10);
            h->stamped = true;
            h->stamp = get32(tcp + at + 2);
            h->echo = get32(tcp + at + 6);
        }
        if (kind == 5)
            for (uint32_t k = 2; k < step; k += 8, h->blocks++) {
                h->sack[h->blocks][0] = get32(tcp + at + k);
                h->sack[h->blocks][1] = get32(tcp + at + k + 4);
            }
        at += step;
        assert_true(at <= header);
    }
}

/* Check every promise to the receiver's flow, and take new data. */
static void receive(struct endpoint *e, const struct endpoint *peer, const struct pkt *pkt)
{
    struct heard h;
    hear(pkt, e->v6, &h);
    assert_int_equal(h.stamped, has(e, SPLICE_STAMPS));
    assert_true(has(e, SPLICE_SACK) || h.blocks == 0);
    assert_true(has(e, SPLICE_ECN) || !h.marked);
    assert_true(h.len + h.options_len <= e->end.mss);

    uint32_t from = h.seq - e->theirs, end = from + h.len + h.fin, acked = h.ack - e->mine;
    assert_true(from <= STREAM + 1 && end <= STREAM + 1 && (!h.fin || end == STREAM + 1));
    /* Never beyond an announced window, except for rounding */
    assert_true(end <= e->edge + (e->end.keeps_edge ? (1u << peer->end.scale_out) - 1 : 0));
    assert_true(acked <= e->nxt);
    for (uint32_t i = 0; i < h.len; i++) assert_int_equal(h.payload[i], byte_of(peer->at, from + i));
    for (unsigned i = 0; i < h.blocks; i++) {
        uint32_t left = h.sack[i][0] - e->mine, right = h.sack[i][1] - e->mine;
        assert_true(left > acked && left < right && right <= e->nxt);
        for (uint32_t n = left; n < right; n++) assert_true(peer->got[n]);
    }
    if (h.stamped) {
        assert_true((int32_t)(e->clock - h.echo) >= 0 && (int32_t)(h.echo - e->end.stamp_in) >= 0);
        if ((int32_t)(h.stamp - e->recent) < 0) return; /* PAWS: an old repetition */
        if (from <= e->got_all) e->recent = h.stamp;
    }
    for (uint32_t n = from; n < end; n++) e->got[n] = true;
    while (e->got_all <= STREAM && e->got[e->got_all]) e->got_all++;
    if (acked > e->una) e->una = acked;
    uint32_t edge = acked + (h.window << e->end.scale_out);
    if (edge > e->allowed) e->allowed = edge;
}

/* Send something old or new within the peer's window. */
static bool speak(struct endpoint *e, struct rng *r, char *text, size_t size)
{
    uint32_t from = e->nxt, limit = least(e->allowed, STREAM);
    if (e->una < e->nxt && rng_one_in(r, 2)) from = rng_one_in(r, 2) ? e->una : e->una + rng_below(r, e->nxt - e->una);
    uint32_t options = (has(e, SPLICE_STAMPS) ? 12u : 0) + (has(e, SPLICE_SACK) ? 28u : 0),
             most = e->told_mss - options;
    uint32_t len = from < limit ? least(limit - from, 1 + rng_below(r, most)) : 0;
    bool fin = from + len == STREAM && e->allowed > STREAM;
    if (from > STREAM) from = STREAM + 1;
    segment(e, from, len, fin, r, text, size);
    if (from + len + fin > e->nxt) e->nxt = from + len + fin;
    return true;
}

static void put_back(struct wire *w, unsigned i)
{
    pool_put(w->pkts[i]);
    w->pkts[i] = w->pkts[--w->count];
}

/* Return the MSS to announce on one flow so that no segment must be cut for the other, whose peer announced `mss`. */
static uint32_t fitting_mss(uint32_t mss, bool its_stamps, bool our_stamps)
{
    const uint32_t v = mss + (our_stamps ? 12u : 0u), less = its_stamps ? 12 : 0;
    return v > less + 64 ? v - less : 64;
}

/* Change its window: while its program reads nothing the edge stays, and rarely goes back. */
static void breathe(struct endpoint *e, struct rng *r)
{
    const uint32_t standing = e->edge > e->got_all ? e->edge - e->got_all : 0;
    if (!rng_one_in(r, 8)) return;
    const uint32_t room = rng_one_in(r, 3) ? e->breath : rng_below(r, e->breath);
    e->room = room > standing || rng_one_in(r, 10) ? room : standing;
}

/* Check the window of a segment that is about to reach this end */
static void check_window(struct endpoint *e, const struct endpoint *peer, uint32_t most_own, const struct pkt *pkt)
{
    struct heard h;
    const uint32_t unit = 1u << e->end.scale_out;
    hear(pkt, e->v6, &h);
    const uint32_t told = h.ack - e->mine + (h.window << e->end.scale_out);
    assert_true(told <= peer->own + unit - 1);
    if (peer->own >= most_own) assert_true(told + unit > e->told);
    if (peer->own >= e->told) assert_true(told >= e->told);
    if (told > e->told) e->told = told;
}

/* Run one conversation. Returns its steps. */
static unsigned converse(uint64_t seed)
{
    struct rng r = {seed};
    static struct endpoint ends[2];
    static char text[3 * STREAM];
    struct wire wires[2] = {0}; /* [i]: on the path to ends[i] */
    struct splice s;
    bool v6 = rng_one_in(&r, 2), keeps = seed & 1;
    for (unsigned i = 0; i < 2; i++) endpoint_draw(&ends[i], i, v6, keeps, &r);
    for (unsigned i = 0; i < 2; i++) {
        const struct splice_end *far = &ends[!i].end;
        uint32_t fit = fitting_mss(far->mss, far->has & SPLICE_STAMPS, has(&ends[i], SPLICE_STAMPS));
        ends[i].told_mss = (uint16_t)(rng_one_in(&r, 2) ? fit : 100 + rng_below(&r, 4 * 200));
        if (keeps && rng_one_in(&r, 4)) ends[i].end.scale_out = i ? 0 : 14, ends[i].end.scale_in = i ? 14 : 0;
        ends[i].breath = ends[i].room;
        if (keeps) ends[i].breath += (1u << ends[i].end.scale_in) + (1u << ends[!i].end.scale_out);
        ends[i].edge = ends[i].room;
        ends[i].allowed = ends[!i].room < 1000 ? ends[!i].room : 1000; /* announced before */
        ends[i].told = ends[i].allowed;
        ends[i].end.edge = ends[i].mine + ends[i].allowed;
    }
    uint32_t now = (uint32_t)rng_next(&r);
    splice_join(&s, (const struct splice_end[]){ends[0].end, ends[1].end}, now);

    unsigned step = 0;
    while (ends[0].una <= STREAM || ends[1].una <= STREAM) {
        if (++step > STEPS_MOST) fail_msg("seed %llu: they stand still", (unsigned long long)seed);
        unsigned who = rng_below(&r, 2);
        struct wire *to = &wires[!who], *mine = &wires[who];
        now += rng_below(&r, 2);
        if (mine->count && rng_one_in(&r, 2)) {
            unsigned which = rng_one_in(&r, 3) ? rng_below(&r, mine->count) : 0;
            if (!rng_one_in(&r, 6)) receive(&ends[who], &ends[!who], mine->pkts[which]);
            if (!rng_one_in(&r, 8)) put_back(mine, which); /* otherwise it is repeated */
            continue;
        }
        if (to->count + SPLICE_SEGMENTS > FLIGHT) continue;
        const uint32_t most_own = ends[who].edge;
        if (keeps) breathe(&ends[who], &r);
        speak(&ends[who], &r, text, sizeof(text));
        struct splice_out out;
        struct pkt *pkt = slot_of(text);
        enum splice_fate f = splice_pass(&s, who, pkt, &packet.key, now, pool, &out);
        if (f != SPLICE_SENT) fail_msg("seed %llu: fate %u of %s", (unsigned long long)seed, f, text);
        for (unsigned i = 0; i < out.count; i++) {
            if (keeps) check_window(&ends[!who], &ends[who], most_own, out.pkts[i]);
            to->pkts[to->count++] = out.pkts[i];
        }
    }
    for (unsigned i = 0; i < 2; i++)
        while (wires[i].count) put_back(&wires[i], 0);
    for (unsigned i = 0; i < 2; i++) assert_int_equal(ends[i].got_all, STREAM + 1);
    check_no_slot_lost();
    return step;
}

static void test_conversations(void **state)
{
    (void)state;
    const char *longer = getenv("LONG");
    uint64_t seeds = longer && *longer ? 20000 : 400;
    for (uint64_t seed = 1; seed <= seeds; seed++) converse(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_conversations)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
