/* kernel: nanoseconds that a judgement takes in the kernel, by BPF_PROG_TEST_RUN, above a program that does nothing.
 * Measured are a plain drop, 1 to 1,000 rules by comparisons and by search, ClassBench's lists of 100,000, sets and
 * meters. Peers are the same program on the same frames in user space (vm_run), and ten hand-written rules.
 * Processor time. Skipped if eBPF programs may not be loaded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernel/executor_priv.h"
#include "tests/lib/bench.h"
#include "tests/lib/kernel_both.h"
#include "tests/lib/ruleset.h"
#include "vm/judge/lives.h"
#include "vm/packet/wire.h"

enum { FEW_RULES = 300 /* rules of any list with SMALL */ };
enum {
    FLOWS = 4096 /* number of the frames' flows, if they have any */,
    FEW = 1024 /* headers whose rules fit the caches */
};

static struct both none; /* no rules: every packet is dropped */

/* Print a program's rows: complete times against each other; and with a goal for it, the difference between ours and
 * ours without rules. */
static void rows_of(const char *what, const struct both *b, enum action action, double goal_over_none)
{
    char more[120];
    struct series ours = {0}, user = {0}, over = {0};
    for (unsigned i = 0; i <= bench_runs(); i++) {
        const double nothing = time_nothing(), a = time_kernel(b->kernel->kernel, action, nothing),
                     without = goal_over_none > 0 ? time_kernel(none.kernel->kernel, ACTION_DROP, nothing) : 0,
                     c = time_user(executor_vm(b->user), &both_facts, action);
        if (i == 0) continue; /* warms up */
        series_add(&ours, a);
        series_add(&user, c);
        series_add(&over, a - without);
    }
    bench_row(&(struct bench_row){what, "ns/pkt", &ours, "user executor", &user, GOAL_NONE, 0});
    if (goal_over_none <= 0) return;
    snprintf(more, sizeof more, "%s, more than none", what);
    bench_row(&(struct bench_row){more, "ns/pkt", &over, NULL, NULL, GOAL_VALUE, goal_over_none});
}

static void row(const char *what, const char *text, enum action action)
{
    struct both b = both_of(text);
    rows_of(what, &b, action, 0);
    both_end(&b);
}

/* ---- rules ---- */

/* Write rules for ports that no frame has, so that all are tried, like kernel_hand.bpf.c's ten. */
static char *rules_text(unsigned count)
{
    char *text;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    if (!f) time_die("memory", "is out");
    fprintf(f, "firewall f default drop {\n");
    for (unsigned i = 0; i < count; i++)
        fprintf(f, "  accept from 10.%u.%u.0/24 udp port %u\n", i >> 8 & 255, i & 255, 1000 + i % 60000);
    fprintf(f, "}\n");
    fclose(f);
    return text;
}

static void counted_rows(void)
{
    char what[100];
    time_flows(TIME_UDP, FLOWS);
    rows_of("kernel: a drop, no rules", &none, ACTION_DROP, 0);
    for (unsigned n = 1; n <= 1000; n *= 10) {
        char *text = rules_text(n);
        snprintf(what, sizeof what, "kernel: %u rule%s", n, n == 1 ? "" : "s");
        row(what, text, ACTION_DROP);
        free(text);
    }
}

static void ten_by_hand(void)
{
    struct series ours = {0}, hand = {0};
    char *text = rules_text(10);
    struct both b = both_of(text);
    for (unsigned i = 0; i <= bench_runs(); i++) {
        const double nothing = time_nothing(), a = time_kernel(b.kernel->kernel, ACTION_DROP, nothing),
                     c = time_run(time_hand("ten")) - nothing;
        if (i == 0) continue;
        series_add(&ours, a);
        series_add(&hand, c);
    }
    bench_row(&(struct bench_row){"kernel: 10 rules", "ns/pkt", &ours, "XDP by hand", &hand, GOAL_NONE, 0});
    both_end(&b);
    free(text);
}

/* ---- lists of 100,000 ---- */

struct traced {
    const struct ruleset *rules;
    const struct headers *headers;
    uint32_t count; /* the first ones, repeated */
};

static void trace_frame(void *arg, uint32_t i, uint8_t frame[FRAMES_LONG])
{
    const struct traced *t = arg;
    uint8_t made[FLAT_FRAME_MOST];
    header_frame(t->rules, &t->headers->v[i % t->count], made);
    made[0] = made[6] = 2;
    memcpy(frame, made, sizeof made < FRAMES_LONG ? sizeof made : FRAMES_LONG);
}

static void list_row(struct ruleset *rs, struct headers *h, double goal)
{
    char what[100], *text;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    if (!f) time_die("memory", "is out");
    ruleset_print(rs, f);
    fclose(f);
    struct both b = both_of(text);
    free(text);
    for (uint32_t n = FEW; n <= FRAMES_POOL; n *= FRAMES_POOL / FEW) {
        time_pool(trace_frame, &(struct traced){rs, h, n < h->count ? n : h->count});
        snprintf(what, sizeof what, "kernel: %s, %u of its headers", rs->name, n);
        rows_of(what, &b, ACTION_COUNT, goal);
    }
    both_end(&b);
    headers_fini(h);
    ruleset_fini(rs);
}

static void list_rows(void)
{
    static const char *const names[] = {"acl", "fw", "ipc"};
    static const double goals[] = {110, 180, 180};
    for (unsigned kind = RULES_ACL; kind <= RULES_IPC; kind++) {
        struct ruleset rs;
        struct headers h;
        char set[40];
        snprintf(set, sizeof set, "%s1_%s_s1", names[kind], bench_small() ? "1k" : "100k");
        if (!ruleset_classbench(&rs, set)) {
            ruleset_make(&rs, kind, false, bench_size(100000, FEW_RULES), 1);
            snprintf(rs.name, sizeof rs.name, "%s of our own", names[kind]);
            headers_trace(&h, &rs, FRAMES_POOL, 1);
        } else {
            if (!headers_classbench(&h, set, "trace")) headers_trace(&h, &rs, FRAMES_POOL, 1);
            snprintf(rs.name, sizeof rs.name, "%s1_100k_s1", names[kind]);
        }
        list_row(&rs, &h, goals[kind]);
    }
}

/* ---- sets ---- */

/* Return member i, spread over all addresses. */
static uint32_t member(uint32_t i) { return (i + 1) * 2654435761u; }

static char *set_text(uint32_t members)
{
    char *text;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    if (!f) time_die("memory", "is out");
    fprintf(f, "set many = ");
    for (uint32_t i = 0; i < members; i++) {
        const uint32_t a = member(i);
        fprintf(f, "%s%u.%u.%u.%u", i ? ",\n " : "", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
    }
    fprintf(f, "\nfirewall f default drop { drop from many }\n");
    fclose(f);
    return text;
}

/* Make a frame from an address of the set, which has `*arg` members, or from a neighbour; all are equally likely. */
static void set_frame(void *arg, uint32_t i, uint8_t frame[FRAMES_LONG])
{
    const uint32_t *members = arg;
    struct rng r = {i + 1};
    const uint32_t a = member(rng_below(&r, *members)) + (i & 1);
    memset(frame, 0, FRAMES_LONG);
    time_frame(frame, TIME_UDP, i);
    wire_put32(frame + 26, a);
    wire_put16(frame + 24, 0);
    wire_put16(frame + 24, csum_of(frame + 14, 20));
}

static int by_low(const void *a, const void *b)
{
    const struct pbc_range *x = a, *y = b;
    return x->lo < y->lo ? -1 : x->lo > y->lo;
}

static void set_row(const char *what, uint32_t full)
{
    uint32_t members = bench_size(full, 2000);
    char *text = set_text(members);
    time_pool(set_frame, &members);
    row(what, text, ACTION_DROP);
    free(text);
}

/* Measure a live set with `full` members in its overlay, all of one length, or in its base; frames come from
 * members. */
static void live_row(const char *what, uint32_t full, bool base)
{
    uint32_t members = bench_size(full, 2000);
    struct both b = both_of("set many = live size 1_000_000\nfirewall f default drop { drop from many }\n");
    struct live_set *s = lives_set(b.lives, 0);
    struct pbc_range *r = calloc(members, sizeof *r);
    if (!r) time_die("memory", "is out");
    for (uint32_t i = 0; i < members; i++) r[i] = (struct pbc_range){member(i), member(i)};
    for (uint32_t i = 0; i < members && !base; i++)
        if (live_add(s, 0, &(struct live_net){.addr = {r[i].lo}, .len = 32}, LIVE_FOREVER, LIVE_SET) > LIVE_KEPT)
            time_die("member", "was refused");
    if (base) {
        qsort(r, members, sizeof *r, by_low);
        uint32_t count = 0; /* ranges that touch are merged */
        for (uint32_t i = 1; i < members; i++) {
            if (r[i].lo <= r[count].hi + 1)
                r[count].hi = r[i].hi;
            else
                r[++count] = r[i];
        }
        if (!live_replace(s, &(struct live_base){.r4 = r, .count4 = count + 1})) time_die("base", "was refused");
    }
    time_pool(set_frame, &members);
    rows_of(what, &b, ACTION_DROP, 0);
    both_end(&b);
    free(r);
}

/* ---- meters ---- */

/* Make a frame from one of `*arg` addresses. */
static void meter_frame(void *arg, uint32_t i, uint8_t frame[FRAMES_LONG])
{
    const uint32_t *sources = arg;
    memset(frame, 0, FRAMES_LONG);
    time_frame(frame, TIME_UDP, i % *sources * 200);
}

static void meter_row(const char *what, const char *def, uint32_t sources)
{
    char text[200];
    time_pool(meter_frame, &sources);
    snprintf(text, sizeof text, "meter m = %s\nfirewall f default drop { drop over m }\n", def);
    row(what, text, ACTION_DROP);
}

int main(int argc, char **argv)
{
    (void)argc;
    if (!both_may()) return 0;
    time_open(argv[0]);
    both_begin();
    none = both_of("firewall f default drop { }");
    counted_rows();
    ten_by_hand();
    list_rows();
    set_row("kernel: a set of 10", 10);
    set_row("kernel: a set of 1,000,000, at random", 1000000);
    live_row("kernel: a live set of 100,000 members, at random", 100000, false);
    live_row("kernel: a live set's base of 1,000,000, at random", 1000000, true);
    meter_row("kernel: a meter without a key", "1000000/s", 1000);
    meter_row("kernel: a meter per source, of 1,000", "1000/s per source", 1000);
    meter_row("kernel: a meter per source, of 32,768", "1000/s per source", FRAMES_POOL);
    bench_note("kernel: frames of 64 or 80 bytes, by BPF_PROG_TEST_RUN, over a program that does nothing");
    both_end(&none);
    both_finish();
    time_close();
    return 0;
}
