/* kernel_flows: nanoseconds that packets of known flows take in the kernel, by BPF_PROG_TEST_RUN, above a program
 * that does nothing. Measured are established TCP connections, and UDP flows forwarded in every mode; 1,000 and a
 * million flows; one CPU, and two on the same flows. Peers are the user-space executor on the same frames, edited in
 * place, and a hand-written translation. Frames of 64 bytes; processor time. Skipped if eBPF programs may not be
 * loaded. */
#include <bpf/bpf.h>
#include <endian.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernel/executor_priv.h"
#include "tests/bench/peers/kernel_hand.h"
#include "tests/lib/bench.h"
#include "tests/lib/kernel_both.h"

enum { THOUSAND = 1000, MILLION = 1000000, FEW = 10000 /* FEW: with SMALL */, CHUNK = 1000, SERVERS = 32 };

/* Load rules with room for all flows. */
static struct both both_for(const char *text)
{
    char all[4000];
    snprintf(all, sizeof all, "limits { flows %u }\n%s", bench_size(1048576, 2 * FEW), text);
    return both_of(all);
}

/* ---- rows ---- */

static void race(const char *what, const struct both *b, enum action action)
{
    struct series ours = {0}, user = {0};
    for (unsigned i = 0; i <= bench_runs(); i++) {
        const double nothing = time_nothing(), a = time_kernel(b->kernel->kernel, action, nothing),
                     c = time_user(executor_vm(b->user), &both_facts, action);
        if (i == 0) continue; /* warms up */
        series_add(&ours, a);
        series_add(&user, c);
    }
    bench_row(&(struct bench_row){what, "ns/pkt", &ours, "user executor", &user, GOAL_NONE, 0});
}

static void race_hand(const char *what, const struct both *b)
{
    struct series ours = {0}, hand = {0};
    for (unsigned i = 0; i <= bench_runs(); i++) {
        const double nothing = time_nothing(), a = time_kernel(b->kernel->kernel, ACTION_FORWARD, nothing),
                     c = time_run(time_hand("nat")) - nothing;
        if (i == 0) continue;
        series_add(&ours, a);
        series_add(&hand, c);
    }
    bench_row(&(struct bench_row){what, "ns/pkt", &ours, "UDP by hand", &hand, GOAL_RATIO, 1.15});
}

/* ---- two CPUs ---- */

struct side {
    pthread_barrier_t *begin;
    int cpu, program;
    double ns;
};

static void *run_side(void *arg)
{
    struct side *s = arg;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)s->cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
    pthread_barrier_wait(s->begin);
    s->ns = time_run(s->program);
    return NULL;
}

/* Return the packets per second of both CPUs together, in millions; `over`: nanoseconds to subtract. */
static double both_sides(int program, int other, const double over[2])
{
    pthread_barrier_t begin;
    pthread_t threads[2];
    struct side sides[2] = {{&begin, sched_getcpu(), program, 0}, {&begin, other, program, 0}};
    pthread_barrier_init(&begin, NULL, 2);
    for (unsigned i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, run_side, &sides[i])) time_die("thread", "is refused");
    for (unsigned i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&begin);
    return 1e3 / (sides[0].ns - over[0]) + 1e3 / (sides[1].ns - over[1]);
}

static void race_two(const char *what, const struct both *b)
{
    struct series two = {0}, one = {0};
    const int other = time_other_cpu();
    for (unsigned i = 0; i <= bench_runs() && other >= 0; i++) {
        const double nothing = time_nothing();
        const double alone = 1e3 / (time_run(both_look(b)) - nothing),
                     together = both_sides(both_look(b), other, (const double[2]){nothing, nothing});
        if (i == 0) continue;
        series_add(&one, alone);
        series_add(&two, together);
    }
    if (other < 0)
        bench_note("%s: skipped: there is one CPU", what);
    else
        bench_row(&(struct bench_row){what, "M/s", &two, "one CPU", &one, GOAL_NONE, 0});
}

/* ---- established connections ---- */

#define STATEFUL                                                                                                       \
    "firewall edge default drop {\n"                                                                                   \
    "  accept state established, related\n"                                                                            \
    "  drop state invalid\n"                                                                                           \
    "  accept tcp port 443\n"                                                                                          \
    "}\n"

/* Open `flows` connections in both executors. */
static struct both established(const char *rules, uint32_t flows)
{
    static const enum time_kind handshake[] = {TIME_SYN, TIME_SYN_ACK, TIME_ACK};
    struct both b = both_for(rules);
    for (uint32_t at = 0; at < flows; at += CHUNK)
        for (unsigned i = 0; i < 3; i++) {
            time_each(both_look(&b), handshake[i], at, CHUNK);
            both_feed(b.user, handshake[i], at, CHUNK);
        }
    return b;
}

static void established_rows(uint32_t flows, const char *count)
{
    char what[100];
    flows = bench_size(flows, FEW);
    struct both b = established(STATEFUL, flows);
    time_flows(TIME_ACK, flows);
    snprintf(what, sizeof what, "kernel: established TCP, %s flows", count);
    race(what, &b, ACTION_ACCEPT);
    snprintf(what, sizeof what, "kernel: established TCP, %s flows, two CPUs", count);
    race_two(what, &b);
    both_end(&b);
}

/* Compare a firewall in audit with the same one enforced, in each executor. */
static void audited_rows(uint32_t flows, const char *count)
{
    char what[100];
    struct series audit = {0}, enforced = {0}, audit_user = {0}, enforced_user = {0};
    flows = bench_size(flows, FEW);
    struct both a = established("audit " STATEFUL, flows), e = established(STATEFUL, flows);
    time_flows(TIME_ACK, flows);
    for (unsigned i = 0; i <= bench_runs(); i++) {
        const double nothing = time_nothing(), there = time_kernel(a.kernel->kernel, ACTION_ACCEPT, nothing),
                     without = time_kernel(e.kernel->kernel, ACTION_ACCEPT, nothing),
                     here = time_user(executor_vm(a.user), &both_facts, ACTION_ACCEPT),
                     own = time_user(executor_vm(e.user), &both_facts, ACTION_ACCEPT);
        if (i == 0) continue; /* warms up */
        series_add(&audit, there);
        series_add(&enforced, without);
        series_add(&audit_user, here);
        series_add(&enforced_user, own);
    }
    if (!executor_counters(a.kernel)->would[ACTION_ACCEPT].decided.packets) time_die("audit", "counts nothing");
    snprintf(what, sizeof what, "kernel: established TCP, %s flows, in audit", count);
    bench_row(&(struct bench_row){what, "ns/pkt", &audit, "enforced", &enforced, GOAL_RATIO, 1.05});
    snprintf(what, sizeof what, "user executor: established TCP, %s flows, in audit", count);
    bench_row(&(struct bench_row){what, "ns/pkt", &audit_user, "enforced", &enforced_user, GOAL_RATIO, 1.05});
    both_end(&a);
    both_end(&e);
}

/* ---- modes ---- */

struct mode {
    const char *name;
    bool port; /* the servers use another port */
};
static const struct mode modes[] = {
    {"passthrough", true},
    {"passthrough keep source", true},
    {"dsr l2", false},
    {"dsr rewrite", true},
    {"dsr ipip", false},
    {"dsr gue 6080", false},
    {"dsr gue 6080 variant 1", false},
};

static char *mode_text(const struct mode *m)
{
    char *text;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    if (!f) time_die("memory", "is out");
    fprintf(f, "pool web {\n");
    if (strcmp(m->name, "passthrough") == 0) fprintf(f, "  source 10.9.0.7 ports 1024-65535\n");
    for (unsigned i = 0; i < SERVERS; i++)
        fprintf(f, "  server s%u 10.0.0.%u%s mac 02:00:00:00:00:%02x\n", i, i + 1, m->port ? ":8080" : "", i + 1);
    fprintf(f, "}\nservice www on 198.51.100.1 udp/53 { mode %s; -> web }\n", m->name);
    fclose(f);
    return text;
}

static void fill_by_hand(uint32_t flows)
{
    const int map = time_hand_map("flows");
    for (uint32_t n = 0; n < flows; n++) {
        const struct nat_ends from = {htobe32(frames_client(n)), htobe32(0xc6336401), htobe16(frames_port(n)),
                                      htobe16(53)};
        const struct nat_to to = {
            .ends = {htobe32(0x0a090007), htobe32(0x0a000001), htobe16((uint16_t)(1024 + n)), htobe16(8080)},
            .mac = {2}};
        if (bpf_map_update_elem(map, &from, &to, BPF_ANY)) time_die("flows by hand", "are refused");
    }
}

static void mode_rows(const char *name, const char *text, uint32_t flows, const char *count, bool by_hand)
{
    char what[100];
    struct both b = both_for(text);
    flows = bench_size(flows, FEW);
    both_open(&b, TIME_UDP, flows, IFACE_NONE);
    time_flows(TIME_UDP, flows);
    snprintf(what, sizeof what, "kernel: %s, %s flows", name, count);
    race(what, &b, ACTION_FORWARD);
    if (by_hand) {
        fill_by_hand(flows);
        race_hand(what, &b);
        snprintf(what, sizeof what, "kernel: %s, %s flows, two CPUs", name, count);
        race_two(what, &b);
    }
    both_end(&b);
}

static void all_modes(void)
{
    for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++) {
        char *text = mode_text(&modes[i]);
        mode_rows(modes[i].name, text, THOUSAND, "1,000", i == 0);
        if (i == 0) mode_rows(modes[i].name, text, MILLION, "1,000,000", true);
        free(text);
    }
    mode_rows("nat forward", "nat n { forward 198.51.100.1 udp/53 -> 10.0.0.1:8080 }\n", THOUSAND, "1,000", true);
}

int main(int argc, char **argv)
{
    (void)argc;
    if (!both_may()) return 0;
    time_open(argv[0]);
    both_begin();
    established_rows(THOUSAND, "1,000");
    established_rows(MILLION, "1,000,000");
    audited_rows(THOUSAND, "1,000");
    all_modes();
    bench_note(
        "kernel_flows: the user executor's frames are edited where they lie; two CPUs: millions of packets a second "
        "of both together, on the same flows");
    both_finish();
    time_close();
    return 0;
}
