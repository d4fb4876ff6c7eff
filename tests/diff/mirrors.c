/* Differential test: random rule files in which rules mirror instead of counting. Code, straight or with every list
 * a classifier, must copy the same packets as the rule list, and copies must change no verdict.
 *
 *   mirrors [SEED [FILES [FRAMES]]]
 *
 * The same numbers give the same run. LONG=1: twenty times as many. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "tests/lib/draw.h"
#include "vm/vm.h"

enum { BATCH = 64, COPIES_MOST = BATCH * PBC_MIRRORS_MAX };
#define STEP_NS 400000000u /* time per batch: rates allow some copies */

/* Replace `count` by `mirror`, up to the maximum of a file. The caller frees the text. */
static char *mirrored(const struct text *t, struct rng *r, unsigned *mirrors)
{
    static const char count[] = "count";
    char *to = malloc(t->len + 64 * PBC_MIRRORS_MAX + 1), *at = to;

    if (!to) abort();
    *mirrors = 0;
    for (size_t i = 0; i < t->len; i++) {
        const bool line = t->s[i] == DRAW_LINE;

        *at++ = line || t->s[i] == DRAW_SPLIT ? ' ' : t->s[i];
        if (!line || *mirrors == PBC_MIRRORS_MAX || t->len - i < 7 || strncmp(t->s + i + 2, count, 5) != 0) continue;
        at += sprintf(at, " mirror %sto socket \"s%u\"%s%s", rng_one_in(r, 3) ? "sent " : "", rng_below(r, 4),
                      rng_one_in(r, 4) ? " limit 3/s" : "", rng_one_in(r, 3) ? " snap 20B" : "");
        ++*mirrors;
        i += 6;
    }
    *at = '\0';
    return to;
}

static struct program *compile(const char *text, enum classify_when classify)
{
    char why[256] = "";
    struct program *p = NULL;
    struct compile c;

    compile_init(&c);
    c.doubts = DOUBTS_FEW;
    c.classify = classify;
    if (compile_text(&c, "random.prey", text, strlen(text)) == 0) p = program_load(c.pbc, c.pbc_len, why, sizeof(why));
    if (!p) {
        printf("%s\n%s", why, text);
        diags_print_json_with(c.diags, stdout, NULL, NULL);
    }
    compile_fini(&c);
    return p;
}

struct side {
    struct vm *vm;
    struct verdict verdicts[BATCH];
    uint64_t sent[BATCH]; /* mirrors of forwarded packets */
    unsigned count;
    struct {
        unsigned mirror;
        uint64_t cookie;
    } copies[COPIES_MOST]; /* copies of arriving packets, in order */
};

static void copy(void *arg, unsigned mirror, const struct pkt *pkt)
{
    struct side *s = arg;

    if (s->count == COPIES_MOST) abort(); /* because a rule copies a packet once */
    s->copies[s->count].mirror = mirror;
    s->copies[s->count++].cookie = pkt->cookie;
}

static void run_side(struct side *s, const struct facts *facts, const struct pkt *frames, uint64_t now_ns)
{
    const struct vm_in in = {.mono_ns = now_ns, .facts = facts};
    struct pkt copies[BATCH], *pkts[BATCH];
    struct vm_tx tx = {0};

    s->count = 0;
    memset(s->verdicts, 0, sizeof(s->verdicts));
    for (unsigned i = 0; i < BATCH; i++) {
        copies[i] = frames[i];
        copies[i].cookie = i;
        pkts[i] = &copies[i];
    }
    vm_run(s->vm, &in, pkts, BATCH, s->verdicts, &tx);
    for (unsigned i = 0; i < BATCH; i++) s->sent[i] = copies[i].mirrors;
}

static bool same(const struct side *a, const struct side *b)
{
    for (unsigned i = 0; i < a->count && i < b->count; i++)
        if (a->copies[i].mirror != b->copies[i].mirror || a->copies[i].cookie != b->copies[i].cookie) return false;
    return a->count == b->count && !memcmp(a->sent, b->sent, sizeof(a->sent));
}

struct totals {
    uint64_t files, frames, mirrors, copies, sent, limited;
};

static void add_up(struct totals *t, const struct side *s)
{
    t->frames += BATCH;
    t->copies += s->count;
    for (unsigned i = 0; i < BATCH; i++) t->sent += (uint64_t)__builtin_popcountll(s->sent[i]);
}

static bool same_verdicts(const struct side *a, const struct side *b)
{
    for (unsigned i = 0; i < BATCH; i++)
        if (a->verdicts[i].action != b->verdicts[i].action || a->verdicts[i].rule != b->verdicts[i].rule) return false;
    return true;
}

static bool check_frames(struct program *p, struct program *plain, const struct stock *s, struct rng *r,
                         unsigned frames, struct totals *totals)
{
    static struct side code, list, without;
    static uint8_t bytes[BATCH][DRAWN_FRAME_MAX];
    const struct vm_copies to_code = {copy, &code}, to_list = {copy, &list};
    const struct facts facts = {.self4 = s->self4, .self4_count = s->has_self ? STOCK_SELF : 0};
    struct pkt pkts[BATCH];
    bool good = true;

    code.vm = vm_new(p, &(struct vm_cfg){.seed = 1, .copies = &to_code});
    list.vm = vm_new(p, &(struct vm_cfg){.seed = 1, .copies = &to_list, .naive = true});
    without.vm = vm_new(plain, &(struct vm_cfg){.seed = 1});
    if (!code.vm || !list.vm || !without.vm) abort();
    for (unsigned done = 0; done < frames && good; done += BATCH) {
        for (unsigned i = 0; i < BATCH; i++) {
            frame_draw(bytes[i], &pkts[i], s, r, p->ifaces_count);
            ways_draw(&pkts[i], r, p->ifaces_count);
        }
        const uint64_t now_ns = 1 + (uint64_t)done / BATCH * STEP_NS;
        run_side(&code, &facts, pkts, now_ns);
        run_side(&list, &facts, pkts, now_ns);
        run_side(&without, &facts, pkts, now_ns);
        add_up(totals, &code);
        good = same(&code, &list) && same_verdicts(&code, &without);
    }
    for (uint32_t i = 0; i < p->mirrors_count; i++)
        if (p->mirrors[i].meter) totals->limited += vm_counters(code.vm)->meters[p->mirrors[i].meter - 1].over;
    vm_free(code.vm);
    vm_free(list.vm);
    vm_free(without.vm);
    return good;
}

static bool check_file(uint64_t seed, unsigned frames, struct totals *totals)
{
    struct rng r = {seed};
    struct stock s;
    struct text t = {0};
    unsigned mirrors;

    stock_draw(&s, &r);
    rules_draw(&t, &s, &r, rng_one_in(&r, 5) ? 40 : 10);
    char *text = mirrored(&t, &r, &mirrors), *plain = malloc(t.len + 1);
    if (!plain) abort();
    for (size_t i = 0; i < t.len; i++) plain[i] = t.s[i] == DRAW_LINE || t.s[i] == DRAW_SPLIT ? ' ' : t.s[i];
    plain[t.len] = '\0';
    struct program *p = compile(text, (enum classify_when)(seed % 4)),
                   *without = p ? compile(plain, (enum classify_when)(seed % 4)) : NULL;
    const bool good = p && without && check_frames(p, without, &s, &r, frames, totals);
    if (p && without && !good) puts(text);
    totals->files++;
    totals->mirrors += mirrors;
    program_put(p);
    program_put(without);
    free(text);
    free(plain);
    text_free(&t);
    return good;
}

int main(int argc, char **argv)
{
    const uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const unsigned long_run = getenv("LONG") && *getenv("LONG") ? 20 : 1;
    const unsigned files = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 60 * long_run;
    const unsigned frames = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 512;
    struct totals t = {0};

    for (unsigned i = 0; i < files; i++)
        if (!check_file(first + i, frames, &t)) {
            printf("not ok - code copies what the list copies, and verdicts stay\n# again with: mirrors %" PRIu64
                   " 1 %u\n",
                   first + i, frames);
            return 1;
        }
    printf("ok - code copies what the list copies, and verdicts stay: %" PRIu64 " rule files with %" PRIu64
           " mirrors, %" PRIu64 " frames, %" PRIu64 " copies as they came, %" PRIu64 " as they leave, %" PRIu64
           " over a rate\n",
           t.files, t.mirrors, t.frames, t.copies, t.sent, t.limited);
    /* A run with hardly any copies proves nothing. */
    const bool fair = files < 50 || (t.copies > 300 && t.sent > 300 && t.limited > 100);
    printf("%s - copies as they came, as they leave and over a rate\n", fair ? "ok" : "not ok");
    return fair ? 0 : 1;
}
