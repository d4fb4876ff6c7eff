/* Differential test: the judge in the kernel against the native one. Random rules and frames, and large lists of
 * both families: each frame gets the same rule, action, firewall and branch. Both forms of the generated code run
 * here in an interpreter (tests/lib/machine.h), and in the kernel if eBPF programs may be loaded.
 *
 *   kernel_judge [SEED [FILES [FRAMES]]]
 *
 * FILES 0: the large lists only. The same numbers give the same run. LONG=1: twenty times as many, and larger lists. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "runtime/kernel/asker.h"
#include "tests/lib/draw.h"
#include "tests/lib/kernel_judge.h"
#include "tests/lib/kernel_load.h"
#include "tests/lib/machine.h"
#include "tests/lib/ruleset.h"
#include "vm/forward/service.h"
#include "vm/judge/draw.h"
#include "vm/judge/effects.h"
#include "vm/packet/reply/frame.h"
#include "vm/vm.h"

struct run {
    struct kernel *kernel; /* NULL: unavailable */
    struct asker asker;
    struct program *p;
    struct code code, counted; /* in both forms (vm/kernel/loop.bpf.h) */
    const char *name;
    struct counter *counters; /* [rules] */
    uint64_t effects, machine_asked, kernel_asked, by_rule, served, programs, failed;
};

struct answer {
    decided decision;
    uint32_t branch;
};

static bool same(struct answer a, struct answer b) { return a.decision == b.decision && a.branch == b.branch; }

static void differ(struct run *r, const char *who, struct answer native, struct answer other)
{
    if (!r->failed++)
        printf("# %s: native rule %u, action %u, firewall %d, branch %d; %s %u, %u, %d, %d\n", r->name,
               decided_rule(native.decision), decided_action(native.decision), (int)decided_firewall(native.decision),
               (int)native.branch, who, decided_rule(other.decision), decided_action(other.decision),
               (int)decided_firewall(other.decision), (int)other.branch);
}

/* Compare the rules that the native code counts and logs, in order. Not for programs with meters, which have state. */
static void compare_effects(struct run *r, const struct key *key, const struct pkt *pkt,
                            const struct machine_effects *other)
{
    static struct event events[MACHINE_EFFECTS];
    struct vm_tx tx = {.events = events, .event_cap = MACHINE_EFFECTS};
    const struct effects e = {.rules = r->counters, .tx = &tx};
    struct pkt copy = *pkt, *const pkts[] = {&copy};
    uint64_t counted = 0;
    decided d;
    bool same = true;
    memset(r->counters, 0, r->p->rules_count * sizeof *r->counters);
    run_code(r->p, 0, key, pkts, 1, NULL, &e, &d);
    for (unsigned i = 0; i < other->counts; i++) same &= r->counters[other->counted[i]].packets-- != 0;
    for (uint32_t i = 0; i < r->p->rules_count; i++) counted += r->counters[i].packets;
    same &= !counted && tx.event_count == other->logs;
    for (unsigned i = 0; same && i < other->logs; i++) same = events[i].rule == other->logged[i];
    r->effects += other->counts + other->logs;
    if (!same && !r->failed++) printf("# %s: others are counted or logged\n", r->name);
}

static struct answer by_machine(struct run *r, const struct code *code, const struct key *key, const struct pkt *pkt)
{
    struct answer a = {.branch = PBC_NONE};
    struct machine_effects e = {0}, none = {0};
    uint64_t branch = 0;
    const char *why = NULL;
    if (machine_run(r->p, code, "judge_program", key, pkt, &a.decision, &e, &why) &&
        machine_run(r->p, code, "judge_services", key, pkt, &branch, &none, &why)) {
        if (!r->p->meters_count) compare_effects(r, key, pkt, &e);
    } else {
        printf("# %s: the machine stops: %s\n", r->name, why);
        r->failed++;
    }
    if (decided_action(a.decision) == ACTION_ACCEPT) a.branch = (uint32_t)branch - 1;
    return a;
}

static void ask(struct run *r, const struct key *key, const struct pkt *pkt)
{
    const struct decision d = program_decide(r->p, key, pkt);
    struct answer native = {decided_as(d.rule, (enum action)d.action, d.firewall), PBC_NONE}, other;
    if (d.action == ACTION_ACCEPT) native.branch = program_serve(r->p, key, pkt);
    r->by_rule += d.rule < RULE_DEFAULT;
    r->served += native.branch != PBC_NONE;
    r->machine_asked++;
    other = by_machine(r, &r->code, key, pkt);
    if (!same(native, other)) differ(r, "the generated code", native, other);
    other = by_machine(r, &r->counted, key, pkt);
    if (!same(native, other)) differ(r, "the generated code whose loops are counted", native, other);
    if (!r->kernel) return;
    r->kernel_asked++;
    const int failed = ask_judge(&r->asker, key, pkt, NULL, 1, &other.decision);
    other.branch = r->asker.k->branch;
    if (failed) printf("# %s: %s\n", r->name, strerror(-failed));
    r->failed += failed != 0;
    if (!same(native, other)) differ(r, "the kernel", native, other);
}

/* Load the program; false if it can't run. */
static bool begin(struct run *r, const char *name, struct program *p)
{
    char err[300] = "";
    r->p = p;
    r->name = name;
    r->counters = calloc(p->rules_count + (size_t)1, sizeof *r->counters);
    if (!r->counters) abort();
    if (gen_judge(p, false, &r->code, err, sizeof err) || gen_judge(p, true, &r->counted, err, sizeof err) ||
        (r->kernel && kernel_load(r->kernel, p, err, sizeof err))) {
        printf("# %s: %s\n", name, err);
        r->failed++;
        return false;
    }
    r->programs++;
    return true;
}

static void end(struct run *r)
{
    gen_free(&r->code);
    gen_free(&r->counted);
    free(r->counters);
    program_put(r->p);
}

/* Compile, or print the reason and return NULL. */
static struct program *compiled(const char *name, const char *text, size_t len, enum classify_when classify)
{
    char why[256] = "";
    struct program *p = NULL;
    struct compile c;
    compile_init(&c);
    c.doubts = DOUBTS_FEW;
    c.classify = classify;
    if (!compile_text(&c, name, text, len)) p = program_load(c.pbc, c.pbc_len, why, sizeof why);
    if (!p) printf("# %s: %s\n", name, why);
    if (!p) diags_print_text(c.diags, stdout, false);
    compile_fini(&c);
    return p;
}

/* Run frames made of the program's own conditions. */
static void ask_own(struct run *r, unsigned frames, uint64_t seed)
{
    static uint8_t bytes[FRAME_MOST];
    struct frame_draw d = {.program = r->p, .seed = seed, .bytes = bytes};
    struct frame_wish w;
    for (unsigned i = 0; i < frames && !r->failed; i++) {
        draw_any(&d, &w);
        if (!draw_frame(&d, &w)) continue;
        key_settle(r->p, &d.key);
        ask(r, &d.key, &d.pkt);
    }
}

static void spaces(struct text *t)
{
    for (size_t i = 0; i < t->len; i++)
        if (t->s[i] == DRAW_SPLIT || t->s[i] == DRAW_LINE) t->s[i] = ' ';
}

/* Run random rules of all kinds. */
static void drawn(struct run *r, uint64_t seed, unsigned frames)
{
    static uint8_t bytes[DRAWN_FRAME_MAX];
    struct rng rng = {seed};
    struct stock s;
    struct text t = {0};
    char name[32];
    snprintf(name, sizeof name, "drawn %" PRIu64, seed);
    stock_draw(&s, &rng);
    rules_draw(&t, &s, &rng, rng_one_in(&rng, 20) ? 600 : rng_one_in(&rng, 5) ? 60 : 10);
    spaces(&t);
    struct program *p = compiled(name, t.s, t.len, (enum classify_when)(seed % 4));
    const struct facts facts = {.self4 = s.self4, .self4_count = s.has_self ? STOCK_SELF : 0, .schedules = seed & 7};
    if (!p) r->failed++;
    if (p && begin(r, name, p)) {
        for (unsigned i = 0; i < frames && !r->failed; i++) {
            struct pkt pkt;
            struct key key;
            uint32_t states[4] = {MARK_NONE};
            frame_draw(bytes, &pkt, &s, &rng, p->ifaces_count);
            if (pkt_parse(&pkt, &facts, &key) != REASON_NONE) continue;
            key_settle(p, &key);
            const unsigned n = p->meta->flags & PBC_KEEPS_FLOWS ? states_of(&key, states) : 1;
            if (n) key.marks = (key.marks & ~(uint32_t)MARK_STATES) | states[rng_below(&rng, n)];
            ask(r, &key, &pkt);
        }
        if (p->rules_count) ask_own(r, frames, seed);
        end(r);
    }
    if (r->failed) printf("# again with: kernel_judge %" PRIu64 " 1 %u\n", seed, frames);
    text_free(&t);
}

/* Compile and load; true if it can run. */
static bool begin_text(struct run *r, const char *name, const char *text, size_t len, enum classify_when classify)
{
    struct program *p = compiled(name, text, len, classify);
    if (!p) r->failed++;
    return p && begin(r, name, p);
}

static void large(struct run *r, enum ruleset_kind kind, bool v6, uint32_t count, unsigned frames,
                  enum classify_when classify)
{
    static const char *const names[] = {"acl", "fw", "ipc"};
    struct ruleset rs = {0};
    char name[48], *text = NULL;
    size_t len = 0;
    snprintf(name, sizeof name, "%s, IPv%u, %u rules%s", names[kind], v6 ? 6 : 4, count,
             classify == CLASSIFY_RANKED ? ", ranks" : "");
    ruleset_make(&rs, kind, v6, count, 1);
    FILE *out = open_memstream(&text, &len);
    ruleset_print(&rs, out);
    fclose(out);
    if (begin_text(r, name, text, len, classify)) {
        ask_own(r, frames, count);
        end(r);
    }
    free(text);
    ruleset_fini(&rs);
}

/* Print sets that have look-up tables, evenly spread and crowded, of both families; MACs; and enough ports for a
 * bitmap. */
static void print_sets(FILE *out, uint32_t count, struct rng *r)
{
    fputs("set even = 10.9.8.7", out);
    for (uint32_t i = 0; i < count; i++)
        fprintf(out, ", %u.%u.%u.0/24", 11 + i % 199, i / 199 % 256, rng_below(r, 256));
    fputs("\nset crowded = 9.9.9.9, 2001:db8::1", out);
    for (uint32_t i = 0; i < count; i++) fprintf(out, ", 8.%u.%u.%u", i / 25600, i / 100 % 256, 2 * (i % 100));
    for (uint32_t i = 0; i < count; i++)
        fprintf(out, ", 2001:db8:%x::%x:%x", i % 7 ? 1 : rng_below(r, 65536), i >> 15,
                (2 * i + rng_below(r, 2)) & 0xffff);
    fputs("\nmacs some = 02:00:00:00:00:01", out);
    for (uint32_t i = 1; i < 300; i++) fprintf(out, ", 02:00:00:%02x:%02x:00", i % 256, rng_below(r, 256));
    fputs("\nports many = 1", out);
    for (uint32_t i = 3; i < 4000; i += 2 + rng_below(r, 9)) fprintf(out, ", %u", i);
    fputs("\nfirewall f default drop {\n"
          "  count from even as A\n  drop from even to crowded\n  accept tcp port many from crowded\n"
          "  drop udp port not many to even\n  accept ether from some\n  reject from not crowded to not even\n"
          "  drop ether to not some\n  accept ip, ip6\n}\n",
          out);
}

static void large_sets(struct run *r, uint32_t count, unsigned frames)
{
    struct rng rng = {count};
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    print_sets(out, count, &rng);
    fclose(out);
    if (begin_text(r, "large sets", text, len, CLASSIFY_BY_COST)) {
        ask_own(r, frames, count);
        end(r);
    }
    free(text);
}

static void large_lists(struct run *r, bool long_run)
{
    large_sets(r, long_run ? 200000 : 5000, 4000);
    for (unsigned kind = RULES_ACL; kind <= RULES_IPC && !r->failed; kind++)
        for (unsigned v6 = 0; v6 < 2 && !r->failed; v6++) {
            large(r, (enum ruleset_kind)kind, v6, 700, 500, CLASSIFY_BY_COST);
            large(r, (enum ruleset_kind)kind, v6, long_run ? 100000 : 4000, 1000, CLASSIFY_BY_COST);
            large(r, (enum ruleset_kind)kind, v6, long_run ? 100000 : 4000, 1000, CLASSIFY_RANKED);
        }
}

int main(int argc, char **argv)
{
    const bool long_run = getenv("LONG") && *getenv("LONG");
    const uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const unsigned files = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : long_run ? 2000 : 60;
    const unsigned frames = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 128;
    struct run r = {0};
    char err[300] = "";
    r.kernel = kernel_judge_new(err, sizeof err);
    if (r.kernel) asker_init(&r.asker, r.kernel, 0);
    for (unsigned i = 0; i < files && !r.failed; i++) drawn(&r, first + i, frames);
    if ((argc < 2 || !files) && !r.failed) large_lists(&r, long_run);
    kernel_free(r.kernel);
    printf("%s - the code generated for the kernel judges as the native code: %" PRIu64 " programs, %" PRIu64
           " frames; %" PRIu64 " by a rule, %" PRIu64 " taken by a service, %" PRIu64 " counted or logged\n",
           r.failed ? "not ok" : "ok", r.programs, r.machine_asked, r.by_rule, r.served, r.effects);
    if (*err)
        printf("ok - the judge in the kernel # SKIP %s\n", err);
    else
        printf("%s - the judge in the kernel does, too: %" PRIu64 " frames\n", r.failed ? "not ok" : "ok",
               r.kernel_asked);
    return r.failed ? 1 : 0;
}
