/* Every TCP connection of the corpus whose handshake is there, from its SYN to its end: nothing may be invalid but what
 * is listed below, by frame, with its reason. Then the same again
 *  - with copies of segments, at once and late: nothing else is judged otherwise;
 *  - with segments lost, as if the middle had missed them: what is invalid then lacks something that only lost segments
 *    had, as a plain reading of the four bounds in 64-bit numbers says, which remembers everything;
 *  - taken up at each segment in turn: nothing is invalid but what was before;
 *  - and connections of which one side was captured, as if the other were never seen. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/corpus.h"
#include "tests/lib/rng.h"
#include "tests/lib/trace.h"

static const struct exception {
    const char *capture;
    unsigned frame; /* from 1 */
    const char *why;
} exceptions[] = {
    {"ppp-one_tcp_stream_fin_rst_close_packet.pcap", 13, "an RST after an RST: one for each late segment"},
    {"zeek-ipv6-http-atomic-frag.pcap", 6, "captured before the request that it acknowledges, as its time says"},
    {"zeek-ipv6-http-atomic-frag.pcap", 7, "the same"},
    {"zeek-tls13-ech.pcap", 35, "an RST after an RST: the answers to data and to a FIN"},
    {"zeek-tls13-ech.pcap", 69, "the same in the next connection"},
};
enum { EXCEPTIONS = sizeof exceptions / sizeof *exceptions };

static struct {
    uint64_t connections, segments, incomplete, put_right, copies, lost, lacking, taken_up, one_sided;
    bool met[EXCEPTIONS];
} tally;
static const char *capture;

static const char *listed(unsigned frame)
{
    for (size_t i = 0; i < EXCEPTIONS; i++) {
        if (exceptions[i].frame != frame || strcmp(exceptions[i].capture, capture) != 0) continue;
        tally.met[i] = true;
        return exceptions[i].why;
    }
    return NULL;
}

/* ---- a middle with room for one flow ---- */

struct middle {
    struct tcp_step flow;
    bool live, pickup, one_sided;
    uint8_t opener;
};

static enum flow_dir dir_of(const struct middle *m, unsigned dir)
{
    return dir == m->opener ? FLOW_ORIGINAL : FLOW_REPLY;
}

/* What is said of a segment; what is not invalid is accepted. */
static enum flow_mark follow(struct middle *m, unsigned dir, const struct tcp_segment *s)
{
    struct tcp_step next;
    const enum flow_mark mark =
        m->live ? tcp_follow((enum flow_state)m->flow.state, &m->flow.track, dir_of(m, dir), s, &next)
                : tcp_begin(s, m->pickup, &next);
    if (mark == MARK_INVALID) return mark;
    if (!m->live || next.reopen) m->opener = (uint8_t)(next.by_other ? !dir : dir);
    if (!m->live && m->one_sided) next.track.flags |= TCP_TRACK_NO_WINDOW;
    m->live = true;
    m->flow = next;
    return mark;
}

static void tell(const struct middle *m, const struct connection *c, size_t i, const char *what)
{
    const struct tcp_segment *s = &c->v[i]->tcp;
    const struct tcp_track *t = &m->flow.track;
    const enum flow_dir dir = dir_of(m, c->dir[i]);
    printf("# %s frame %u: %s: flags %02x, seq %d of its end, len %u, ack %d of the other's end; state %u, windows "
           "%u and %u, track %02x\n",
           capture, c->v[i]->frame, what, s->flags, (int32_t)(s->seq - t->side[dir].end), s->len,
           (int32_t)(s->ack - t->side[!dir].end), m->flow.state, t->window[dir], t->window[!dir], t->flags);
}

/* ---- as it was ---- */

static bool plainly(const struct connection *c, enum flow_mark marks[])
{
    struct middle m = {0};
    bool good = true;
    for (size_t i = 0; i < c->count; i++) {
        marks[i] = follow(&m, c->dir[i], &c->v[i]->tcp);
        if (marks[i] != MARK_INVALID || listed(c->v[i]->frame)) continue;
        tell(&m, c, i, "invalid");
        good = false;
    }
    tally.connections++;
    tally.put_right += c->put_right;
    tally.segments += c->count;
    return good;
}

/* ---- copies ---- */

/* A copy of segment `from` comes just before segment `at` (which is later). Copies of what begins or ends a flow are
 * left out: a SYN or an RST that comes again is another event. */
static bool with_copy(const struct connection *c, const enum flow_mark marks[], size_t from, size_t at)
{
    struct middle m = {0};
    for (size_t i = 0; i < c->count; i++) {
        if (i == at) {
            const bool closed = m.flow.state == FLOW_STATE_RESET;
            const struct tcp_track before = m.flow.track;
            if (follow(&m, c->dir[from], &c->v[from]->tcp) == MARK_INVALID && at == from + 1 && !closed &&
                marks[from] != MARK_INVALID) {
                tell(&m, c, from, "a copy is invalid");
                return false;
            }
            if (at == from + 1 && memcmp(&before, &m.flow.track, offsetof(struct tcp_track, flags) + 1) != 0) {
                tell(&m, c, from, "a copy changes the flow");
                return false;
            }
        }
        if (follow(&m, c->dir[i], &c->v[i]->tcp) == marks[i]) continue;
        tell(&m, c, i, "judged otherwise after a copy");
        return false;
    }
    return true;
}

static bool copies(const struct connection *c, const enum flow_mark marks[])
{
    bool good = true;
    for (size_t from = 1; from + 1 < c->count && good; from++) {
        if (c->v[from]->tcp.flags & (TCP_RST | TCP_SYN)) continue;
        for (size_t late = 1; late <= 20 && from + late < c->count && good; late++, tally.copies++)
            good = with_copy(c, marks, from, from + late);
    }
    return good;
}

/* ---- losses ---- */

/* The four bounds as van Rooij states them, in numbers that do not wrap, over all that passed. */
struct plain {
    bool known;
    int64_t end, acked, edge, window; /* edge: the highest ack + window */
    int shift;
};

static int64_t unwrap(int64_t near, uint32_t seq) { return near + (int32_t)(seq - (uint32_t)near); }

/* Where the numbers of a segment of `me` are; before a side has spoken, where they say they do. */
static int64_t place(const struct plain *side, uint32_t seq, int64_t first)
{
    return side->known ? unwrap(side->end, seq) : first + seq;
}

static void plain_note(struct plain side[2], unsigned dir, const struct tcp_segment *s)
{
    struct plain *me = &side[dir], *other = &side[!dir];
    const bool syn = s->flags & TCP_SYN, acks = s->flags & TCP_ACK;
    if (syn && !me->known) me->shift = s->scale == SCALE_ABSENT ? -1 : s->scale;
    const int64_t end = place(me, s->seq, 1ll << 40) + s->len, ack = acks ? place(other, s->ack, 1ll << 40) : 0;
    const int shift = !syn && me->shift > 0 && other->shift >= 0 ? me->shift : 0;
    const int64_t window = (int64_t)s->window << shift;
    if (!me->known || end > me->end) me->end = end;
    me->known = true;
    if (window > me->window) me->window = window;
    if (acks && ack > me->acked) me->acked = ack;
    if (acks && ack + window > me->edge) me->edge = ack + window;
}

/* Does it break a bound, as far as was seen? */
static bool breaks_bound(const struct plain side[2], unsigned dir, const struct tcp_segment *s)
{
    const struct plain *me = &side[dir], *other = &side[!dir];
    if (!me->known || !other->known) return true;
    const int64_t seq = unwrap(me->end, s->seq), end = seq + s->len, ack = unwrap(other->end, s->ack);
    if (s->flags & TCP_RST) return seq != other->acked && seq != me->end;
    const int64_t old = 2 * me->window > 66000 ? 2 * me->window : 66000;
    return end > other->edge + 1 || end < me->end - other->window - 1 || ack > other->end || ack < other->end - old;
}

static bool with_losses(const struct connection *c, struct rng *r)
{
    struct middle m = {0};
    struct plain side[2] = {{0}};
    const unsigned rate = 2 + rng_below(r, 30);
    for (size_t i = 0; i < c->count; i++) {
        const struct tcp_segment *s = &c->v[i]->tcp;
        const bool opening = m.flow.state < FLOW_STATE_OPEN || s->flags & TCP_SYN;
        if (!opening && rng_one_in(r, rate)) {
            tally.lost++;
            continue;
        }
        const bool reset = m.live && m.flow.state == FLOW_STATE_RESET,
                   breaks = i > 0 && breaks_bound(side, c->dir[i], s);
        if (follow(&m, c->dir[i], s) != MARK_INVALID) {
            plain_note(side, c->dir[i], s);
            continue;
        }
        tally.lacking++;
        if (reset || breaks) continue;
        tell(&m, c, i, "invalid after losses that don't explain it");
        return false;
    }
    return true;
}

static bool losses(const struct connection *c, struct rng *r)
{
    const char *longer = getenv("LONG");
    const unsigned runs = longer && *longer ? 2000 : 100;
    for (unsigned i = 0; i < runs; i++)
        if (!with_losses(c, r)) return false;
    return true;
}

/* ---- mid-stream ---- */

static bool taken_up(const struct connection *c, const enum flow_mark marks[])
{
    bool good = true;
    for (size_t first = 1; first < c->count; first++) {
        if ((c->v[first]->tcp.flags & (TCP_SYN | TCP_RST | TCP_ACK)) != TCP_ACK) continue;
        struct middle m = {.pickup = true};
        for (size_t i = first; i < c->count; i++) {
            if (follow(&m, c->dir[i], &c->v[i]->tcp) != MARK_INVALID || marks[i] == MARK_INVALID) continue;
            tell(&m, c, i, "invalid after a pick-up");
            good = false;
        }
        tally.taken_up++;
    }
    return good;
}

/* ---- one side ---- */

static bool alone(const struct connection *c, unsigned dir)
{
    struct middle m = {.one_sided = true};
    bool good = true;
    for (size_t i = 0; i < c->count; i++) {
        if (c->dir[i] != dir) continue;
        const enum flow_mark mark = follow(&m, c->dir[i], &c->v[i]->tcp);
        if (mark == (c->v[i]->tcp.flags & TCP_SYN ? MARK_NEW : MARK_ESTABLISHED) || listed(c->v[i]->frame)) continue;
        tell(&m, c, i, "not established, though nobody is seen to disagree");
        good = false;
    }
    tally.one_sided++;
    return good;
}

/* ---- all ---- */

static struct {
    bool plainly, copies, losses, taken_up, alone;
} good = {true, true, true, true, true};

static void look_at(const struct connection *c, struct rng *r)
{
    if (c->one_sided && c->count > 1) good.alone &= alone(c, 0);
    if (!c->whole) {
        tally.incomplete++;
        return;
    }
    enum flow_mark *marks = calloc(c->count, sizeof *marks);
    if (!marks) exit(1);
    good.plainly &= plainly(c, marks);
    good.copies &= copies(c, marks);
    good.losses &= losses(c, r);
    good.taken_up &= taken_up(c, marks);
    good.alone &= alone(c, 0);
    free(marks);
}

static void report(void)
{
#define U (unsigned long long)
    test_ok(good.plainly, "tcp traces: %llu connections, %llu segments, none invalid but %u listed by hand",
            U tally.connections, U tally.segments, EXCEPTIONS);
    printf("# %llu handshakes put in order; %llu connections without their handshake\n", U tally.put_right,
           U tally.incomplete);
    test_ok(good.copies, "tcp traces: %llu copies change nothing", U tally.copies);
    test_ok(good.losses, "tcp traces: %llu segments lost; %llu that were invalid lack what was lost", U tally.lost,
            U tally.lacking);
    test_ok(good.taken_up, "tcp traces: taken up at %llu places in mid-stream", U tally.taken_up);
    test_ok(good.alone, "tcp traces: %llu connections by one of their sides", U tally.one_sided);
    bool met = true;
    for (size_t i = 0; i < EXCEPTIONS; i++) met &= tally.met[i];
    test_ok(met, "tcp traces: what is listed is there");
}

int main(void)
{
    const char *dir = corpus_dir("tcp traces");
    if (!dir) return 0;
    char folder[4096], path[4400];
    snprintf(folder, sizeof folder, "%s/pcap", dir);
    struct dirent **names;
    const int n = scandir(folder, &names, NULL, alphasort);
    struct rng r = {1};
    for (int k = 0; k < n; k++) {
        struct trace t;
        struct connection c;
        capture = names[k]->d_name;
        snprintf(path, sizeof path, "%s/%s", folder, capture);
        if (*capture != '.' && trace_read(&t, path)) {
            for (; trace_connection(&t, &c); connection_free(&c)) look_at(&c, &r);
            trace_free(&t);
        }
        free(names[k]);
    }
    if (n > 0) free(names);
    report();
    return test_status();
}
