/* Differential test: random rule files, random frames; the code must judge every frame like the rule list, and count
 * and log the same rules. It is straight, or has a classifier for every list, or is as the compiler chooses.
 *
 *   code_and_list [SEED [FILES [FRAMES]]]
 *
 * The same numbers give the same run. On a difference the rules are shrunk, line by line and condition by condition,
 * as long as the frame still divides the two, and printed with the frame and both verdicts. LONG=1: twenty times as
 * many. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compiler/compiler.h"
#include "tests/lib/draw.h"
#include "tests/lib/note.h"
#include "tests/lib/one_kernel.h"
#include "vm/vm.h"
#include "vm/forward/service.h"

enum { BATCH = 64, STEP = 20 };
/* Longer than a stretch of code and a leaf, so it is often a classifier. With sanitizers the compiler takes forty
 * seconds to choose one for 600 rules. */
#ifdef __SANITIZE_ADDRESS__
enum { LONG_LIST = 200 };
#else
enum { LONG_LIST = 600 };
#endif
#define STEP_NS 7654321u /* time per frame */

struct world {
    enum classify_when classify;
    unsigned frames; /* frames that show the difference together while the text shrinks; one if one is enough */
    struct pbc_range6 self6[2];
    struct facts facts;
};

static void world_of(struct world *w, const struct stock *s)
{
    *w = (struct world){.frames = 1};
    for (unsigned i = 0; i < 2; i++) {
        uint64_t hi = 0, lo = 0;

        for (unsigned b = 0; b < 8; b++) {
            hi = hi << 8 | s->self6[i][b];
            lo = lo << 8 | s->self6[i][8 + b];
        }
        w->self6[i] = (struct pbc_range6){hi, lo, hi, lo};
    }
    w->facts = (struct facts){.self4 = s->self4, .self4_count = STOCK_SELF, .self6 = w->self6, .self6_count = 2};
    w->facts.schedules = s->ports[0] & 7u;
    if (!s->has_self) w->facts.self4_count = w->facts.self6_count = 0;
}

/* Return the text with its marks as spaces; the caller frees it. */
static char *plain(const struct text *t)
{
    char *s = malloc(t->len + 1);

    if (!s) abort();
    memcpy(s, t->s, t->len);
    s[t->len] = '\0';
    for (size_t i = 0; i < t->len; i++)
        if (s[i] == DRAW_SPLIT || s[i] == DRAW_LINE) s[i] = ' ';
    return s;
}

/* Compile and load; NULL if the text doesn't compile. Diagnostics go to `err` unless that is NULL. */
static struct program *compile(const struct text *t, enum classify_when classify, FILE *err)
{
    char *text = plain(t), why[256] = "";
    struct program *p = NULL;
    struct compile c;

    compile_init(&c);
    c.doubts = DOUBTS_FEW;
    c.classify = classify;
    if (compile_text(&c, "random.prey", text, strlen(text)) == 0) p = program_load(c.pbc, c.pbc_len, why, sizeof(why));
    if (!p && err) {
        fprintf(err, "%s\n%s", why, text);
        diags_print_json_with(c.diags, err, NULL, NULL);
    }
    compile_fini(&c);
    free(text);
    return p;
}

static bool same_decision(struct decision a, struct decision b)
{
    return a.rule == b.rule && a.firewall == b.firewall && a.action == b.action;
}

/* True if code and list differ on this frame in any state that it can have; that state is then in key->marks. */
static bool divides_as(const struct program *p, const struct world *w, const struct pkt *frame, struct decision d[2],
                       struct key *key)
{
    struct pkt pkt = *frame;
    uint32_t states[4] = {MARK_NONE};

    if (pkt_parse(&pkt, &w->facts, key) != REASON_NONE) return false;
    key_settle(p, key);
    for (unsigned n = p->meta->flags & PBC_KEEPS_FLOWS ? states_of(key, states) : 1; n-- > 0;) {
        key->marks = (key->marks & ~(uint32_t)MARK_STATES) | states[n];
        d[0] = program_decide(p, key, &pkt);
        d[1] = program_decide_naive(p, key, &pkt);
        if (!same_decision(d[0], d[1]) || program_serve(p, key, &pkt) != program_serve_naive(p, key, &pkt)) return true;
    }
    return false;
}

static bool divides(const struct program *p, const struct world *w, const struct pkt *frame, struct decision d[2])
{
    struct key key;

    return divides_as(p, w, frame, d, &key);
}

struct side {
    struct executor *worker;
    struct verdict verdicts[BATCH];
    struct event events[4096];
    struct vm_tx tx;
};

static void run_side(struct side *s, struct program *p, bool naive, const struct world *w, const struct pkt *frames,
                     unsigned n)
{
    struct pkt copies[BATCH], *pkts[BATCH];
    struct facts facts = w->facts;

    const struct vm_cfg cfg = {.naive = naive};
    s->worker = naive ? executor_new(p, &cfg, 0, NULL, 0) : one_kernel_worker(p, &cfg);
    if (!s->worker) abort();
    s->tx = (struct vm_tx){.events = s->events, .event_cap = 4096};
    for (unsigned i = 0; i < n; i++) {
        copies[i] = frames[i];
        pkts[i] = &copies[i];
    }
    memset(s->verdicts, 0, sizeof(s->verdicts));
    /* between runs of frames, time passes, schedules change and keys of meters return */
    for (unsigned done = 0, some; done < n; done += some) {
        const struct vm_in in = {.mono_ns = 1 + done * STEP_NS, .facts = &facts};

        some = n - done < STEP ? n - done : STEP;
        executor_run(s->worker, &in, pkts + done, some, s->verdicts + done, &s->tx);
        executor_tick(s->worker, &in, &s->tx);
        facts.schedules = (facts.schedules + 1) & 7;
    }
}

static bool same_counters(const struct program *p, const struct side *a, const struct side *b)
{
    const struct vm_counters *x = executor_counters(a->worker), *y = executor_counters(b->worker);

    return memcmp(x->rules, y->rules, p->rules_count * sizeof(*x->rules)) == 0 &&
           memcmp(x->defaults, y->defaults, p->firewalls_count * sizeof(*x->defaults)) == 0 &&
           memcmp(x->services, y->services, p->services_count * sizeof(*x->services)) == 0 &&
           memcmp(x->servers, y->servers, p->servers_count * sizeof(*x->servers)) == 0 &&
           memcmp(x->meters, y->meters, p->meters_count * sizeof(*x->meters)) == 0 &&
           memcmp(x->verdicts, y->verdicts, sizeof(x->verdicts)) == 0 && a->tx.event_count == b->tx.event_count &&
           a->tx.events_lost == b->tx.events_lost &&
           memcmp(a->events, b->events, a->tx.event_count * sizeof(*a->events)) == 0 &&
           memcmp(a->verdicts, b->verdicts, sizeof(a->verdicts)) == 0;
}

/* True if batch runs of these frames count, log or judge differently. */
static bool divides_batch(struct program *p, const struct world *w, const struct pkt *frames, unsigned n)
{
    static struct side code, list;

    run_side(&code, p, false, w, frames, n);
    run_side(&list, p, true, w, frames, n);
    const bool same = same_counters(p, &code, &list);
    one_kernel_free(code.worker);
    one_kernel_free(list.worker);
    return !same;
}

/* ---- shrinking ---- */

static bool still_divides(const struct text *t, const struct world *w, const struct pkt *frame)
{
    struct program *p = compile(t, w->classify, NULL);
    struct decision d[2];
    const bool yes = p && ((w->frames == 1 && divides(p, w, frame, d)) || divides_batch(p, w, frame, w->frames));

    program_put(p);
    return yes;
}

/* Remove the stretch if the difference remains without it; true if so. */
static bool try_without(struct text *t, size_t from, size_t to, const struct world *w, const struct pkt *frame)
{
    struct text less = {.s = malloc(t->cap), .cap = t->cap, .len = t->len - (to - from)};

    if (!less.s) abort();
    memcpy(less.s, t->s, from);
    memcpy(less.s + from, t->s + to, t->len - to);
    if (!still_divides(&less, w, frame)) {
        text_free(&less);
        return false;
    }
    text_free(t);
    *t = less;
    return true;
}

static size_t end_of(const struct text *t, size_t at, const char *stops)
{
    while (at < t->len && !strchr(stops, t->s[at])) at++;
    return at;
}

/* Return the beginning of the line after the next `lines`. */
static size_t after_lines(const struct text *t, size_t at, unsigned lines)
{
    for (; lines && at < t->len; lines--) {
        at = end_of(t, at, "\n");
        at += at < t->len;
    }
    return at;
}

static bool out_of_time(clock_t began) { return clock() - began > 30 * CLOCKS_PER_SEC; }

/* Remove stretches of that many lines. Lines that hold blocks together stay, because the text wouldn't compile
 * without them. */
static bool shrink_lines(struct text *t, const struct world *w, const struct pkt *frame, unsigned lines, clock_t began)
{
    bool any = false;

    for (size_t i = 0; i < t->len && !out_of_time(began);)
        if (try_without(t, i, after_lines(t, i, lines), w, frame))
            any = true;
        else
            i = after_lines(t, i, 1 + lines / 2);
    return any;
}

/* Remove pieces that reach from a `start` to the next of `stops`. */
static bool shrink_pieces(struct text *t, const struct world *w, const struct pkt *frame, char start, const char *stops,
                          clock_t began)
{
    bool any = false;

    for (size_t i = 0; i < t->len && !out_of_time(began); i++)
        while (i < t->len && t->s[i] == start && try_without(t, i, end_of(t, i + 1, stops), w, frame)) any = true;
    return any;
}

static void shrink(struct text *t, const struct world *w, const struct pkt *frame)
{
    const clock_t began = clock();
    bool any = true;

    for (unsigned lines = 1024; lines > 1; lines /= 2) shrink_lines(t, w, frame, lines, began);
    while (any && !out_of_time(began)) {
        any = shrink_lines(t, w, frame, 1, began);
        any |= shrink_pieces(t, w, frame, DRAW_SPLIT, "\x1f\n", began); /* conditions, options */
        any |= shrink_pieces(t, w, frame, ',', ",\n)\x1f", began);      /* members of lists */
    }
}

static void print_decision(const struct program *p, const char *who, struct decision d)
{
    char name[256];

    printf("# %s: %s by %s\n", who, action_name(d.action),
           d.rule == RULE_NONE      ? "-"
           : d.rule == RULE_DEFAULT ? "default"
                                    : rule_name(p, d.rule, name, sizeof(name)));
}

static void print_prefixed(const char *text)
{
    for (const char *line = text; *line;) {
        const size_t len = strcspn(line, "\n");

        printf("#   %.*s\n", (int)len, line);
        line += len + (line[len] == '\n');
    }
}

static void print_frame(const struct world *w, const struct pkt *frame)
{
    static char note[8192];

    note_print(frame->data, frame->cap_len, frame->link, note, sizeof(note));
    printf("# frame: %s\n# interface %d, wire %u, %u tags taken off, self %s\n", note,
           frame->iface == 0xffff ? -1 : (int)frame->iface, frame->wire_len, frame->tag_count,
           w->facts.self4_count ? "known" : "unknown");
}

static void report(struct text *t, const struct world *w, const struct pkt *frames)
{
    struct decision d[2] = {{0}};
    struct key key;

    shrink(t, w, frames);
    char *text = plain(t);
    struct program *p = compile(t, w->classify, NULL);
    printf("# rules:\n");
    print_prefixed(text);
    for (unsigned i = 0; i < w->frames; i++) print_frame(w, &frames[i]);
    if (p && w->frames == 1 && divides_as(p, w, frames, d, &key)) {
        printf("# state: 0x%x\n", key.marks & MARK_STATES);
        print_decision(p, "code", d[0]);
        print_decision(p, "list", d[1]);
    } else {
        printf("# the decision is the same; counters or log events differ\n");
    }
    program_put(p);
    free(text);
}

/* Report frames that differ only together, because meters remember: as few as possible. */
static void report_several(struct program *p, struct text *t, const struct world *w, const struct pkt *frames,
                           unsigned n)
{
    struct pkt left[BATCH];
    struct world several = *w;

    memcpy(left, frames, n * sizeof(*left));
    for (unsigned i = 0; i < n;) {
        const struct pkt out = left[i];

        memmove(&left[i], &left[i + 1], (n - i - 1) * sizeof(*left));
        if (divides_batch(p, w, left, n - 1)) {
            n--;
            continue;
        }
        memmove(&left[i + 1], &left[i], (n - i - 1) * sizeof(*left));
        left[i++] = out;
    }
    several.frames = n;
    report(t, &several, left);
}

struct totals {
    uint64_t files, frames, judged, by_rule, by_default, by_service;
};

static bool is_served(const struct program *p, const struct world *w, const struct pkt *frame)
{
    struct pkt pkt = *frame;
    struct key key;

    return pkt_parse(&pkt, &w->facts, &key) == REASON_NONE && program_serve_naive(p, &key, &pkt) != PBC_NONE;
}

static bool check_batch(struct program *p, struct text *t, const struct world *w, const struct pkt *frames, unsigned n,
                        struct totals *totals)
{
    for (unsigned i = 0; i < n; i++) {
        struct decision d[2] = {{.rule = RULE_NONE}};

        if (divides(p, w, &frames[i], d)) {
            report(t, w, &frames[i]);
            return false;
        }
        totals->judged += d[0].rule != RULE_NONE;
        totals->by_service += d[0].action == ACTION_ACCEPT && is_served(p, w, &frames[i]);
        totals->by_rule += d[0].rule < RULE_DEFAULT;
        totals->by_default += d[0].rule == RULE_DEFAULT;
    }
    totals->frames += n;
    if (!divides_batch(p, w, frames, n)) return true;
    for (unsigned i = 0; i < n; i++)
        if (divides_batch(p, w, &frames[i], 1)) {
            report(t, w, &frames[i]);
            return false;
        }
    report_several(p, t, w, frames, n);
    return false;
}

static bool check_file(uint64_t seed, unsigned frames, struct totals *totals)
{
    static uint8_t bytes[BATCH][DRAWN_FRAME_MAX];
    struct rng r = {seed};
    struct stock s;
    struct world w;
    struct text t = {0};
    struct pkt pkts[BATCH];
    bool good = true;

    stock_draw(&s, &r);
    world_of(&w, &s);
    w.classify = (enum classify_when)(seed % 4);
    /* mostly short lists, where a single rule's mistake shows; sometimes longer than a block */
    rules_draw(&t, &s, &r, rng_one_in(&r, 50) ? LONG_LIST : rng_one_in(&r, 5) ? 60 : 10);
    struct program *p = compile(&t, w.classify, stdout);
    if (!p) {
        text_free(&t);
        return false;
    }
    totals->files++;
    for (unsigned done = 0; done < frames && good; done += BATCH) {
        for (unsigned i = 0; i < BATCH; i++) {
            frame_draw(bytes[i], &pkts[i], &s, &r, p->ifaces_count);
            ways_draw(&pkts[i], &r, p->ifaces_count);
        }
        good = check_batch(p, &t, &w, pkts, BATCH, totals);
    }
    program_put(p);
    text_free(&t);
    return good;
}

#ifdef __SANITIZE_ADDRESS__ /* because every file allocates its tables again, which is slow with sanitizers */
enum { FILES = 60 };
#else
enum { FILES = 250 };
#endif

enum { FEW = 50 };

int main(int argc, char **argv)
{
    const uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const unsigned long_run = getenv("LONG") && *getenv("LONG") ? 20 : 1;
    const unsigned files = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : FILES * long_run;
    const unsigned frames = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 512;
    struct totals totals = {0};

    for (unsigned i = 0; i < files; i++)
        if (!check_file(first + i, frames, &totals)) {
            printf("not ok - code and list agree\n# again with: code_and_list %" PRIu64 " 1 %u\n", first + i, frames);
            return 1;
        }
    printf("ok - code and list agree: %" PRIu64 " rule files, %" PRIu64 " frames, %" PRIu64 " judged, %" PRIu64
           " of them by a rule, %" PRIu64 " by a default; %" PRIu64 " taken by a service\n",
           totals.files, totals.frames, totals.judged, totals.by_rule, totals.by_default, totals.by_service);
    /* a run in which hardly a rule matched proves nothing; a run of few files may miss some things by chance */
    const uint64_t asked = totals.files < FEW ? 1 : totals.frames;
    const bool fair = totals.by_rule * 4 > asked && totals.by_default * 20 > asked && totals.by_service * 100 > asked;
    printf("%s - rules, defaults and services all take a fair share\n", fair ? "ok" : "not ok");
    return fair ? 0 : 1;
}
