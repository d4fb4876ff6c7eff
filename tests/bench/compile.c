/* compile FOLDER: time and peak memory of preyc on lists of 1,000 and 10,000 rules and on 100,000 of IPv6, against
 * libpcap's pcap_compile of 100 and 1,000 or-ed pairs, and nft's check of as many rules, if nft is installed and may
 * run in a separate network namespace. Every contender is a process, so the figures are the times that a user waits. */
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/bench.h"
#include "tests/lib/child.h"
#include "tests/lib/ruleset.h"

enum { RUNS = 5, FEW = 50 /* rules of any list with SMALL */ };
enum kind { PREY, NFT, FILTER };

/* Write the i-th pair of an address and a port; all are different. */
static void pair_write(FILE *f, enum kind kind, unsigned i)
{
    const unsigned a = 10 + i / 65536, b = i / 256 % 256, c = i % 256, port = 1 + i * 7919 % 65000;
    static const char *const format[] = {
        [PREY] = "accept tcp to %u.%u.%u.9 port %u\n",
        [NFT] = "ip daddr %u.%u.%u.9 tcp dport %u accept\n",
        [FILTER] = "(host %u.%u.%u.9 and port %u)",
    };
    if (kind == FILTER && i) fputs(" or ", f);
    fprintf(f, format[kind], a, b, c, port);
}

static void list_write(const char *path, enum kind kind, unsigned n)
{
    FILE *f = fopen(path, "w");
    if (!f) exit(2);
    if (kind == PREY) fputs("firewall f default accept {\n", f);
    if (kind == NFT) fputs("table ip bench {\nchain c {\ntype filter hook forward priority 0;\n", f);
    for (unsigned i = 0; i < n; i++) pair_write(f, kind, i);
    if (kind == PREY) fputs("}\n", f);
    if (kind == NFT) fputs("}\n}\n", f);
    if (fclose(f) != 0) exit(2);
}

/* Compile as the peer does: this program when called with --filter. */
static int filter_compile(const char *path)
{
    FILE *f = fopen(path, "r");
    static char text[1 << 20];
    if (!f) return 2;
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    pcap_t *p = pcap_open_dead(DLT_EN10MB, 65535);
    struct bpf_program code;
    return p && pcap_compile(p, &code, text, 1, PCAP_NETMASK_UNKNOWN) == 0 ? 0 : 1;
}

struct measured {
    struct series ms, mb;
};

static int measure(char *const argv[], struct measured *m)
{
    const struct child c = child_run(argv);
    series_add(&m->ms, (double)c.wall_ns / 1e6);
    series_add(&m->mb, (double)c.peak_bytes / 1048576);
    return c.status;
}

static void prey_row(unsigned n, const struct measured *ours, const char *peer, const struct measured *theirs,
                     enum bench_goal goal, double value)
{
    char what[96];
    snprintf(what, sizeof what, "preyc, %u rules: time", n);
    bench_row(&(struct bench_row){what, "ms", &ours->ms, peer, theirs ? &theirs->ms : NULL, goal, value});
    snprintf(what, sizeof what, "preyc, %u rules: peak memory", n);
    bench_row(&(struct bench_row){what, "MiB", &ours->mb, peer, theirs ? &theirs->mb : NULL, GOAL_NONE, 0});
}

static void against_nft(const char *folder, const char *preyc, unsigned n)
{
    char rules[4200], out[4200], list[4200];
    snprintf(rules, sizeof rules, "%s/%u.prey", folder, n);
    snprintf(out, sizeof out, "%s/%u.pbc", folder, n);
    snprintf(list, sizeof list, "%s/%u.nft", folder, n);
    list_write(rules, PREY, bench_size(n, FEW));
    list_write(list, NFT, bench_size(n, FEW));
    char *ours[] = {(char *)(uintptr_t)preyc, rules, "-o", out, NULL};
    char *nft[] = {"/usr/bin/unshare", geteuid() == 0 ? "-n" : "-rn", "/usr/sbin/nft", "-c", "-f", list, NULL};
    struct measured a = {0}, b = {0};
    const bool peer = access(nft[2], X_OK) == 0 && child_run(nft).status == 0;
    if (!peer) bench_note("nft is not installed or may not run in a namespace of its own: no peer for %u rules", n);
    for (unsigned i = 0; i < bench_size(RUNS, 2); i++) {
        if (measure(ours, &a) != 0) bench_note("preyc refuses %u rules", n);
        if (peer) measure(nft, &b);
    }
    prey_row(n, &a, peer ? "nft -c -f" : NULL, peer ? &b : NULL,
             n == 1000 ? GOAL_VALUE
             : peer    ? GOAL_RATIO
                       : GOAL_NONE,
             n == 1000 ? 20 : 0.5);
}

static void against_filter(const char *folder, const char *preyc, char *self, unsigned n)
{
    char rules[4200], out[4200], list[4200];
    snprintf(rules, sizeof rules, "%s/pairs-%u.prey", folder, n);
    snprintf(out, sizeof out, "%s/pairs-%u.pbc", folder, n);
    snprintf(list, sizeof list, "%s/pairs-%u.filter", folder, n);
    list_write(rules, PREY, bench_size(n, FEW));
    list_write(list, FILTER, bench_size(n, FEW));
    char *ours[] = {(char *)(uintptr_t)preyc, rules, "-o", out, NULL};
    char *theirs[] = {self, "--filter", list, NULL};
    struct measured a = {0}, b = {0};
    for (unsigned i = 0; i < bench_size(RUNS, 2); i++) {
        measure(ours, &a);
        measure(theirs, &b);
    }
    char peer[64];
    snprintf(peer, sizeof peer, "pcap_compile, %u pairs", n);
    prey_row(n, &a, peer, &b, GOAL_NONE, 0);
}

/* Measure generated IPv6 lists: the time that a user waits, of which `classify` only measures the classifier. */
static void large(const char *folder, char *preyc, uint32_t n)
{
    char rules[4200], out[4200], what[96];
    struct ruleset rs;
    struct measured m = {0};
    snprintf(rules, sizeof rules, "%s/fw6-%u.prey", folder, n);
    snprintf(out, sizeof out, "%s/fw6-%u.pbc", folder, n);
    FILE *f = fopen(rules, "w");
    if (!f) exit(2);
    ruleset_make(&rs, RULES_FW, true, bench_size(n, FEW), 1);
    ruleset_print(&rs, f);
    ruleset_fini(&rs);
    if (fclose(f) != 0) exit(2);
    char *argv[] = {"/bin/sh", "-c", "exec \"$0\" \"$1\" -o \"$2\" 2>/dev/null", preyc, rules, out, NULL};
    for (unsigned i = 0; i < bench_size(RUNS, 2); i++)
        if (measure(argv, &m) != 0) bench_note("preyc refuses %u IPv6 rules", n);
    snprintf(what, sizeof what, "preyc, fw %u rules, IPv6: time", n);
    bench_row(&(struct bench_row){what, "ms", &m.ms, NULL, NULL, GOAL_NONE, 0});
    snprintf(what, sizeof what, "preyc, fw %u rules, IPv6: peak memory", n);
    bench_row(&(struct bench_row){what, "MiB", &m.mb, NULL, NULL, GOAL_NONE, 0});
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--filter") == 0) return filter_compile(argv[2]);
    if (argc != 2) return 2;
    char preyc[4200];
    const char *b = getenv("B");
    snprintf(preyc, sizeof preyc, "%s/preyc", b ? b : "build");
    against_nft(argv[1], preyc, 1000);
    against_nft(argv[1], preyc, 10000);
    against_filter(argv[1], preyc, argv[0], 100);
    against_filter(argv[1], preyc, argv[0], 1000);
    large(argv[1], preyc, 100000);
    bench_note("compile: whole processes, five runs each; pcap_compile's pairs are matched either way, ours and nft's "
               "by destination");
    return 0;
}
