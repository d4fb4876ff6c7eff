/* Differential test: --diff of random rule files before and after random edits, against the plain rule list. Every
 * packet that the two lists judge differently is in a region that names its two rules. Every packet of a certain
 * region is judged as the region shows. Every example was confirmed, and a program doesn't differ from itself.
 *
 *   changes [SEED [PAIRS [FRAMES]]]
 *
 * The same numbers give the same run. LONG=1: twenty times as many. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "tests/lib/draw.h"
#include "tests/lib/in_product.h"
#include "tests/lib/note.h"
#include "vm/forward/service.h"

/* ---- edits ---- */

static size_t end_of_line(const struct text *t, size_t at)
{
    while (at < t->len && t->s[at] != '\n') at++;
    return at < t->len ? at + 1 : at;
}

/* Return the beginning of a line that can be removed; t->len: none. */
static size_t some_line(const struct text *t, struct rng *r)
{
    size_t chosen = t->len;
    unsigned n = 0;

    for (size_t at = 0; at < t->len; at = end_of_line(t, at))
        if (t->s[at] == DRAW_LINE && rng_one_in(r, ++n)) chosen = at;
    return chosen;
}

static void splice(struct text *t, size_t from, size_t to, const char *with, size_t len)
{
    char *s = malloc(t->len - (to - from) + len + 1);

    if (!s) abort();
    memcpy(s, t->s, from);
    memcpy(s + from, with, len);
    memcpy(s + from + len, t->s + to, t->len - to);
    t->len = t->cap = t->len - (to - from) + len;
    free(t->s);
    t->s = s;
}

static void move_line(struct text *t, struct rng *r, bool keep)
{
    const size_t from = some_line(t, r), end = end_of_line(t, from);
    char *line = malloc(end - from + 1);

    if (!line) abort();
    memcpy(line, t->s + from, end - from);
    if (!keep) splice(t, from, end, "", 0);
    const size_t to = some_line(t, r);
    splice(t, to, to, line, end - from);
    free(line);
}

static void change_word(struct text *t, size_t from, size_t to, struct rng *r)
{
    static const char *const words[] = {"accept", "drop", "reject", "return"};

    for (unsigned w = 0; w < 4; w++) {
        const size_t len = strlen(words[w]);
        for (size_t at = from; at + len < to; at++)
            if (memcmp(t->s + at, words[w], len) == 0) {
                const char *other = words[(w + 1 + rng_below(r, 2)) % 3];
                splice(t, at, at + len, other, strlen(other));
                return;
            }
    }
}

static void change_digit(struct text *t, size_t from, size_t to, struct rng *r)
{
    size_t chosen = to;
    unsigned n = 0;

    for (size_t at = from; at < to; at++)
        if (t->s[at] >= '0' && t->s[at] <= '9' && rng_one_in(r, ++n)) chosen = at;
    if (chosen < to) t->s[chosen] = (char)('0' + rng_below(r, 10));
}

static void drop_condition(struct text *t, size_t from, size_t to, struct rng *r)
{
    size_t chosen = to;
    unsigned n = 0;

    for (size_t at = from; at < to; at++)
        if (t->s[at] == DRAW_SPLIT && rng_one_in(r, ++n)) chosen = at;
    size_t end = chosen + 1;
    while (end < to && t->s[end] != DRAW_SPLIT && t->s[end] != '\n') end++;
    if (chosen < to) splice(t, chosen, end, "", 0);
}

static void change_default(struct text *t, struct rng *r)
{
    size_t at = 0;

    for (unsigned n = 0; at + 8 < t->len; at++)
        if (memcmp(t->s + at, "default ", 8) == 0 && rng_one_in(r, ++n + 1)) break;
    if (at + 8 < t->len) change_word(t, at, end_of_line(t, at), r);
}

static void edit(struct text *t, struct rng *r)
{
    const size_t line = some_line(t, r), end = end_of_line(t, line);

    switch (rng_below(r, 8)) {
    case 0: splice(t, line, end, "", 0); return;
    case 1:
    case 2: move_line(t, r, false); return;
    case 3: move_line(t, r, true); return;
    case 4: change_word(t, line, end, r); return;
    case 5: drop_condition(t, line, end, r); return;
    case 6: change_default(t, r); return;
    default: change_digit(t, rng_one_in(r, 3) ? 0 : line, rng_one_in(r, 3) ? t->len : end, r); return;
    }
}

/* ---- interfaces ---- */

static void add(struct text *t, const char *s) { splice(t, t->len, t->len, s, strlen(s)); }

/* Add one to three interfaces; a name that the other side lacks shifts the numbers of the others. */
static void add_interfaces(struct text *t, const char *words, struct rng *r)
{
    static const char *const all[] = {"i0", "i1", "\"eth0\"", "\"eth1\"", "\"eth7\"", "\"a1\"", "\"wg*\""};

    add(t, words);
    for (unsigned n = 1 + rng_below(r, 3); n > 0; n--) {
        add(t, all[rng_below(r, 7)]);
        add(t, n > 1 ? ", " : "");
    }
}

/* Add a firewall for forwarded packets, with the interfaces they come in and leave by. It is an error if there is
 * another one. */
static void add_crossing(struct text *t, struct rng *r)
{
    add(t, "firewall crossing forward default drop {\n");
    for (unsigned n = 1 + rng_below(r, 4); n > 0; n--) {
        add(t, rng_one_in(r, 4) ? "\x1e drop" : "\x1e accept");
        if (rng_one_in(r, 2)) add_interfaces(t, rng_one_in(r, 4) ? " on not " : " on ", r);
        if (!rng_one_in(r, 4)) add_interfaces(t, rng_one_in(r, 4) ? " out on not " : " out on ", r);
        add(t, rng_one_in(r, 2) ? " tcp port 53\n" : "\n");
    }
    add(t, "}\n");
}

/* ---- programs ---- */

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

/* Compile and load; NULL if the text doesn't compile. */
static struct program *compile(const struct text *t)
{
    char *text = plain(t), why[256] = "";
    struct program *p = NULL;
    struct compile c;

    compile_init(&c);
    c.doubts = DOUBTS_FEW;
    if (compile_text(&c, "random.prey", text, strlen(text)) == 0) p = program_load(c.pbc, c.pbc_len, why, sizeof(why));
    compile_fini(&c);
    free(text);
    return p;
}

/* ---- packets ---- */

struct totals {
    uint64_t pairs, differing, frames, apart, in_regions, regions, undecided;
};

struct world {
    struct pbc_range6 self6[2];
    struct facts facts;
};

static void world_of(struct world *w, const struct stock *s)
{
    for (unsigned i = 0; i < 2; i++) {
        uint64_t hi = 0, lo = 0;

        for (unsigned b = 0; b < 8; b++) {
            hi = hi << 8 | s->self6[i][b];
            lo = lo << 8 | s->self6[i][8 + b];
        }
        w->self6[i] = (struct pbc_range6){hi, lo, hi, lo};
    }
    w->facts = (struct facts){.self4 = s->self4, .self4_count = STOCK_SELF, .self6 = w->self6, .self6_count = 2};
}

/* A frame as both images see it, and as each side judges it. */
struct shown {
    struct pkt pkt;
    struct key key;
    struct decision by[SIDES];
};

static void judge(const struct diff *d, unsigned side, struct world *w, const struct pkt *frame, uint32_t schedules,
                  uint32_t state, struct shown *shown)
{
    const struct side *s = &d->side[side];
    struct pkt pkt = *frame;
    struct key key;

    pkt.iface = side_iface(d->c.image, s, frame->iface);
    if (frame->way) pkt.way = (uint16_t)(side_iface(d->c.image, s, (uint16_t)(frame->way - 1)) + 1);
    w->facts.schedules = side_schedules(s, schedules);
    pkt_parse(&pkt, &w->facts, &key);
    key_settle(s->program, &key);
    if (s->program->meta->flags & PBC_KEEPS_FLOWS) key.marks |= state;
    shown->by[side] = program_decide_naive(s->program, &key, &pkt);
}

static unsigned openness(const struct program *p, const struct decision *by)
{
    if (by->action == ACTION_ACCEPT || by->action == ACTION_PASS) return 2;
    return by->rule < RULE_DEFAULT && verdict_is(p->rules[by->rule].verdict, VERDICT_OPENS);
}

/* True if both sides let equally much through, and both or neither reply. */
static bool alike(const struct diff *d, const struct shown *s)
{
    const unsigned was = openness(d->side[OLD].program, &s->by[OLD]), now = openness(d->side[NEW].program, &s->by[NEW]);

    if (was == 2 && now == 2) return true;
    return was == now && s->by[OLD].action == s->by[NEW].action;
}

static bool decided_by(const struct diff *d, unsigned side, const struct decision *found, const struct decider *by)
{
    if (by->rule >= RULE_DEFAULT) return found->rule >= RULE_DEFAULT;
    return found->rule == by->rule - d->side[side].rules;
}

/* True if the frame is in the change. metered: set if this depends on a meter. A fresh meter exceeds its limit only
 * for packets larger than its burst. */
static bool in_change(const struct diff *d, const struct change *c, const struct shown *s, bool *metered)
{
    const struct moment m = {.key = &s->key, .pkt = &s->pkt, .flows = 0};

    *metered = false;
    for (uint32_t i = 0; i < c->region.count; i++) {
        struct ir_product p = c->region.p[i];

        p.field[IR_METERS] = IR_ALL;
        if (!in_product(&d->c, &p, &m)) continue;
        *metered = c->region.p[i].field[IR_METERS] != IR_ALL;
        return true;
    }
    return false;
}

/* True if the frame's direction on the new side is one of the change's. */
static bool goes_so(const struct diff *d, const struct change *c, const struct shown *s)
{
    struct key key = s->key;

    key_settle(d->side[NEW].program, &key);
    const unsigned dir = key.kind & KIND_IN ? PBC_DIR_IN : key.kind & KIND_OUT ? PBC_DIR_OUT : PBC_DIR_FORWARD;
    return c->dirs >> dir & 1;
}

/* Return NULL if the findings are true for the frame, else the fault. */
static const char *check_frame(const struct diff *d, const struct shown *s, struct totals *totals)
{
    const bool apart = !alike(d, s);
    bool told = d->undecided_count > 0;

    totals->frames++;
    totals->apart += apart;
    for (uint32_t i = 0; i < d->change_count; i++) {
        const struct change *c = &d->changes[i];
        bool metered;

        if (!in_change(d, c, s, &metered) || !goes_so(d, c, s)) continue;
        const bool so = decided_by(d, OLD, &s->by[OLD], &c->by[OLD]) && decided_by(d, NEW, &s->by[NEW], &c->by[NEW]);
        told |= so;
        totals->in_regions += so;
        if (!so && !c->maybe && !c->behind && !metered) return "a packet of a region is judged by other rules";
    }
    return apart && !told ? "no region holds a packet that is judged differently" : NULL;
}

static void report(const struct diff *d, const struct text t[SIDES], const struct shown *s, const char *what)
{
    static char note[8192];
    struct diff_options o = {0};
    char err[256], name[256];

    printf("# %s\n", what);
    for (unsigned k = 0; k < SIDES; k++) {
        char *text = plain(&t[k]);
        printf("# %s:\n%s\n", k == OLD ? "old" : "new", text);
        free(text);
    }
    note_print(s->pkt.data, s->pkt.cap_len, s->pkt.link, note, sizeof(note));
    printf("# frame: %s\n# kind 0x%x marks 0x%x iface %u\n", note, s->key.kind, s->key.marks, s->key.iface);
    for (unsigned k = 0; k < SIDES; k++)
        printf("# %s: %s by %s\n", k == OLD ? "old" : "new", action_name(s->by[k].action),
               s->by[k].rule >= RULE_DEFAULT ? "default" : rule_name(d->side[k].program, s->by[k].rule, name, 256));
    diff_print(d->side[OLD].program, d->side[NEW].program, &o, stdout, err, sizeof(err));
}

static bool check_frames(const struct diff *d, const struct text t[SIDES], const struct stock *stock, struct rng *r,
                         unsigned frames, struct totals *totals)
{
    static uint8_t bytes[DRAWN_FRAME_MAX];
    struct world w;

    world_of(&w, stock);
    for (unsigned i = 0; i < frames; i++) {
        const uint32_t drawn = (uint32_t)rng_next(r), moments = d->c.ir->moments;
        const uint32_t schedules = moments ? 1u << drawn % moments : drawn & 0xff;
        uint32_t states[4] = {MARK_NONE};
        struct pkt frame;
        struct shown s;

        frame_draw(bytes, &frame, stock, r, d->c.image->ifaces_count);
        ways_draw(&frame, r, d->c.image->ifaces_count);
        s.pkt = frame;
        if (pkt_parse(&s.pkt, &w.facts, &s.key) != REASON_NONE) continue;
        s.key.marks = (s.key.marks & ((1u << MARK_SCHEDULES) - 1)) | schedules << MARK_SCHEDULES;
        const uint32_t marks = s.key.marks;
        for (unsigned n = d->c.ir->keeps_flows ? states_of(&s.key, states) : 1; n-- > 0;) {
            s.key.marks = (marks & ~(uint32_t)MARK_STATES) | states[n];
            for (unsigned k = 0; k < SIDES; k++) judge(d, k, &w, &frame, schedules, states[n], &s);
            const char *what = check_frame(d, &s, totals);
            if (!what) continue;
            report(d, t, &s, what);
            return false;
        }
    }
    return true;
}

/* Check two programs; same: they must not differ. */
static bool check_pair(const struct text t[SIDES], struct program *const p[SIDES], const struct stock *s, struct rng *r,
                       unsigned frames, bool same, struct totals *totals)
{
    char err[256] = "";
    struct diff d;
    bool good = diff_find(&d, p[OLD], p[NEW], 0, err, sizeof(err));

    if (!good) {
        char *old = plain(&t[OLD]), *new = plain(&t[NEW]);
        printf("# %s\n# old:\n%s\n# new:\n%s\n", err, old, new);
        free(old);
        free(new);
    }
    totals->regions += d.change_count;
    totals->undecided += d.undecided_count;
    totals->differing += d.change_count > 0;
    totals->pairs++;
    if (good && same && (d.change_count || d.undecided_count)) {
        const struct diff_options o = {0};
        char *text = plain(&t[OLD]);
        printf("# a program differs from itself:\n%s\n", text);
        diff_print(p[OLD], p[NEW], &o, stdout, err, sizeof(err));
        free(text);
        good = false;
    }
    good = good && (same || check_frames(&d, t, s, r, frames, totals));
    diff_fini(&d);
    return good;
}

static bool check_seed(uint64_t seed, unsigned frames, struct totals *totals)
{
    struct rng r = {seed};
    struct stock s;
    struct text t[SIDES] = {{0}};
    struct program *p[SIDES];

    stock_draw(&s, &r);
    s.has_self = true;
    rules_draw(&t[OLD], &s, &r, rng_one_in(&r, 10) ? 60 : 12);
    const bool same = rng_one_in(&r, 16), crossing = !same && rng_one_in(&r, 4);
    t[NEW] = (struct text){.s = malloc(t[OLD].len + 1), .len = t[OLD].len, .cap = t[OLD].len};
    if (!t[NEW].s) abort();
    memcpy(t[NEW].s, t[OLD].s, t[OLD].len);
    for (unsigned k = 0; k < SIDES && crossing; k++) add_crossing(&t[k], &r);
    p[OLD] = compile(&t[OLD]);
    for (unsigned i = same ? 0 : 1 + rng_below(&r, 3); i > 0; i--) edit(&t[NEW], &r);
    p[NEW] = compile(&t[NEW]);
    /* an edit may break the rules; then nothing is compared */
    const bool good = !p[OLD] || !p[NEW] || check_pair(t, p, &s, &r, frames, same, totals);
    for (unsigned k = 0; k < SIDES; k++) {
        program_put(p[k]);
        text_free(&t[k]);
    }
    return good;
}

#ifdef __SANITIZE_ADDRESS__
enum { PAIRS = 30 };
#else
enum { PAIRS = 350 };
#endif

int main(int argc, char **argv)
{
    const uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const unsigned long_run = getenv("LONG") && *getenv("LONG") ? 20 : 1;
    const unsigned pairs = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : PAIRS * long_run;
    const unsigned frames = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 200;
    struct totals t = {0};

    for (unsigned i = 0; i < pairs; i++)
        if (!check_seed(first + i, frames, &t)) {
            printf("not ok - what differs is told\n# again with: changes %" PRIu64 " 1 %u\n", first + i, frames);
            return 1;
        }
    printf("ok - what differs is told: %" PRIu64 " pairs, %" PRIu64 " that differ, in %" PRIu64 " regions; %" PRIu64
           " packets, %" PRIu64 " judged differently, %" PRIu64 " in regions; %" PRIu64 " rules not decided\n",
           t.pairs, t.differing, t.regions, t.frames, t.apart, t.in_regions, t.undecided);
    const bool fair = t.differing * 4 > t.pairs && t.in_regions * 100 > t.frames && t.pairs * 2 > pairs;
    printf("%s - edits change enough to prove something\n", fair ? "ok" : "not ok");
    return fair ? 0 : 1;
}
