/* The TCP of the corpus through the built programs: a rule file that asks for `state`, and for each frame the rule that
 * a plain list of connections and vm/flow/flow.h's functions expect. Each capture as it is, by its own clock; then all
 * of them in one, a frame a millisecond; the same with the sides' places in the tuple changed; and with frames lost and
 * doubled at random. */
#include <dirent.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/corpus.h"
#include "tests/lib/rng.h"
#include "tests/lib/trace.h"
#include "vm/packet/pkt.h"
#include "vm/packet/parse/header.h"
#include "vm/vm.h"

static const char rules[] = "firewall f default drop {\n"
                            "  accept state established, related as ESTABLISHED\n"
                            "  accept tcp flags has syn lacks ack as OPENING\n"
                            "  drop state invalid as INVALID\n"
                            "}\n";

/* ---- the plain list ---- */

enum { FLOWS_MOST = 1000 };
#define S 1000000000ull

struct known {
    struct trace_side opener, other;
    struct tcp_step now;
    uint64_t seen_ns;
};
static struct known known[FLOWS_MOST];
static size_t known_count;
static uint64_t clock_ns; /* never runs back */

static bool same(const struct trace_side *a, const struct trace_side *b) { return memcmp(a, b, sizeof *a) == 0; }

/* The usual timeouts (lang/words/timeouts.def). */
static uint64_t timeout_ns(unsigned state)
{
    if (state == FLOW_STATE_OPEN || state == FLOW_STATE_HALF_CLOSED) return 7440 * S;
    return state == FLOW_STATE_CLOSING || state == FLOW_STATE_RESET ? 120 * S : 60 * S;
}

static struct known *find(const struct trace_segment *s)
{
    for (size_t i = 0; i < known_count; i++) {
        struct known *k = &known[i];
        if (!(same(&k->opener, &s->from) && same(&k->other, &s->to)) &&
            !(same(&k->opener, &s->to) && same(&k->other, &s->from)))
            continue;
        if (clock_ns - k->seen_ns < timeout_ns(k->now.state)) return k;
        *k = known[--known_count];
        return NULL;
    }
    return NULL;
}

static void begin(struct known *k, const struct trace_segment *s, const struct tcp_step *next)
{
    if (!k && known_count < FLOWS_MOST) k = &known[known_count++];
    if (!k) return;
    *k = (struct known){.opener = s->from, .other = s->to, .now = *next, .seen_ns = clock_ns};
    if (!next->by_other) return;
    k->opener = s->to;
    k->other = s->from;
}

/* The rule that decides, and what it makes of the list. */
static const char *expect(const struct trace_segment *s, uint64_t time_ns)
{
    struct tcp_step next;
    if (time_ns > clock_ns) clock_ns = time_ns;
    struct known *k = find(s);
    const enum flow_dir dir = k && same(&k->opener, &s->from) ? FLOW_ORIGINAL : FLOW_REPLY;
    const enum flow_mark mark = k ? tcp_follow((enum flow_state)k->now.state, &k->now.track, dir, &s->tcp, &next)
                                  : tcp_begin(&s->tcp, false, &next);
    const bool opening = (s->tcp.flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
    if (mark == MARK_INVALID) return opening ? "OPENING" : "INVALID";
    if (mark != MARK_ESTABLISHED && !opening) return "default";
    if (!k || next.reopen) {
        begin(k, s, &next);
    } else {
        k->now = next;
        if (next.refresh) k->seen_ns = clock_ns;
    }
    return mark == MARK_ESTABLISHED ? "ESTABLISHED" : "OPENING";
}

static void forget(void)
{
    known_count = 0;
    clock_ns = 0;
}

/* ---- one replay ---- */

static unsigned long long compared, established;

static bool agrees(const struct line *l, const char *want, const char *what, unsigned frame)
{
    compared++;
    established += strcmp(want, "ESTABLISHED") == 0;
    if (strcmp(l->rule, want) == 0) return true;
    printf("# %s frame %u: %s, not %s\n", what, frame, l->rule, want);
    return false;
}

/* A capture as it is. */
static bool by_its_clock(const char *path, const char *name, const struct trace *t)
{
    struct frames all = {0};
    enum reading how;
    const bool whole = frames_read(&all, path, &how) >= 0 && how == READ_WHOLE;
    const size_t count = all.count;
    frames_free(&all);
    if (!whole || t->count == 0) return true;
    struct line *lines = calloc(count, sizeof *lines);
    bool good = lines && replay(rules, path, lines, count);
    forget();
    for (size_t i = 0; good && i < t->count; i++) {
        const struct trace_segment *s = &t->v[i];
        good = agrees(&lines[s->frame - 1], expect(s, s->time_ns), name, s->frame);
    }
    free(lines);
    return good;
}

static int dlt_of(unsigned link)
{
    static const int dlts[LINK_COUNT] = {
        [LINK_ETHER] = DLT_EN10MB,  [LINK_RAW] = DLT_RAW,         [LINK_IP4] = DLT_IPV4, [LINK_IP6] = DLT_IPV6,
        [LINK_SLL] = DLT_LINUX_SLL, [LINK_SLL2] = DLT_LINUX_SLL2, [LINK_BSD] = DLT_NULL, [LINK_LOOP] = DLT_LOOP};
    return dlts[link];
}

/* These segments as one capture, in this order. */
static bool as_one(const struct trace_segment *v[], size_t count, const char *what)
{
    struct frames all = {0};
    struct line *lines = calloc(count, sizeof *lines);
    char path[4200];
    snprintf(path, sizeof path, "%s", scratch("tcp"));
    for (size_t i = 0; i < count; i++) frames_add(&all, v[i]->bytes, v[i]->cap_len, v[i]->wire_len, dlt_of(v[i]->link));
    frames_write(&all, path);
    bool good = lines && replay(rules, path, lines, count);
    forget();
    for (size_t i = 0; good && i < count; i++)
        good = agrees(&lines[i], expect(v[i], i * (S / 1000)), what, v[i]->frame);
    frames_free(&all);
    free(lines);
    remove(path);
    return good;
}

/* ---- variants ---- */

static void swap_bytes(uint8_t *a, uint8_t *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const uint8_t was = a[i];
        a[i] = b[i];
        b[i] = was;
    }
}

/* Source and destination change places, addresses and ports: no checksum notices. */
static void turn(struct trace_segment *s)
{
    static const struct facts facts;
    struct pkt pkt;
    struct key key;
    pkt_view(&pkt, s->bytes, s->cap_len, s->wire_len, (enum pkt_link)s->link, IFACE_NONE);
    pkt_parse(&pkt, &facts, &key);
    const bool v4 = key.kind & KIND_IP4;
    const size_t len = v4 ? 4 : 16;
    uint8_t *src = s->bytes + pkt.l3 + (v4 ? IP4_SRC : IP6_SRC);
    swap_bytes(src, src + len, len);
    swap_bytes(s->bytes + pkt.l4, s->bytes + pkt.l4 + 2, 2);
    const struct trace_side from = s->from;
    s->from = s->to;
    s->to = from;
}

struct all {
    struct trace *traces;
    size_t count, segments;
};

static const struct trace_segment **list(const struct all *a, size_t times)
{
    const struct trace_segment **v = calloc(times * a->segments + 1, sizeof *v);
    if (!v) exit(1);
    size_t n = 0;
    for (size_t i = 0; i < a->count; i++)
        for (size_t k = 0; k < a->traces[i].count; k++) v[n++] = &a->traces[i].v[k];
    return v;
}

static bool in_one(const struct all *a, const char *what)
{
    const struct trace_segment **v = list(a, 1);
    const bool good = as_one(v, a->segments, what);
    free(v);
    return good;
}

static bool at_random(const struct all *a, struct rng *r)
{
    const struct trace_segment **v = list(a, 1), **some = list(a, 3);
    size_t n = 0;
    for (size_t i = 0; i < a->segments; i++) {
        /* No fragments: a copy of one is dropped before any rule. */
        if (v[i]->tcp.first_fragment || rng_one_in(r, 12)) continue;
        some[n++] = v[i];
        if (rng_one_in(r, 8)) some[n++] = v[i];
        const struct trace_segment *late = v[i - rng_below(r, i < 10 ? (unsigned)i + 1 : 10)];
        if (!late->tcp.first_fragment && rng_one_in(r, 8)) some[n++] = late;
    }
    const bool good = as_one(some, n, "lost and doubled");
    free(v);
    free(some);
    return good;
}

static void variants(struct all *a)
{
    struct rng r = {5};
    bool good = true;
    test_ok(in_one(a, "in one"), "tcp verdicts: all captures in one");
    for (size_t i = 0; i < a->count; i++)
        for (size_t k = 0; k < a->traces[i].count; k++) turn(&a->traces[i].v[k]);
    test_ok(in_one(a, "turned"), "tcp verdicts: the same with sources and destinations exchanged");
    for (unsigned i = 0; i < 10 && good; i++) good = at_random(a, &r);
    test_ok(good, "tcp verdicts: the same with frames lost and doubled");
}

int main(void)
{
    const char *dir = corpus_dir("tcp verdicts");
    if (!dir) return 0;
    char folder[4096], path[4400];
    snprintf(folder, sizeof folder, "%s/pcap", dir);
    struct dirent **names;
    const int n = scandir(folder, &names, NULL, alphasort);
    if (n < 0) return !test_ok(false, "tcp verdicts: %s can be read", folder);
    struct all a = {.traces = calloc((size_t)n + 1, sizeof *a.traces)};
    bool good = a.traces;
    for (int k = 0; k < n && good; k++) {
        struct trace *t = &a.traces[a.count];
        snprintf(path, sizeof path, "%s/%s", folder, names[k]->d_name);
        if (*names[k]->d_name == '.' || !trace_read(t, path)) continue;
        good = by_its_clock(path, names[k]->d_name, t);
        a.segments += t->count;
        a.count++;
    }
    test_ok(good, "tcp verdicts: %zu captures, each by its own clock", a.count);
    variants(&a);
    test_ok(established > 1000, "tcp verdicts: %llu compared, %llu of them established", compared, established);
    for (size_t i = 0; i < a.count; i++) trace_free(&a.traces[i]);
    free(a.traces);
    for (int k = 0; k < n; k++) free(names[k]);
    free(names);
    return test_status();
}
