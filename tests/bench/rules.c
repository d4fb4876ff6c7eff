/* rules write|compile|packets FOLDER: a packet's cost by the number of rules. Packets (view, parse, rules, counters)
 * go through vm_run and through preyrun --repeat, with lists of 100, 1,000, 10,000 and 100,000 rules, each against
 * the list of 100 in the same run. Also the cost to compile the same lists, against `nft -c` with as many equal
 * rules.
 *
 * Lists are drawn from ClassBench's of 100,000 rules, in their order; without the corpus they are generated. A
 * separate process writes them first, because a child's measured memory includes that of the process that starts it. */
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/bench.h"
#include "tests/lib/child.h"
#include "tests/lib/ruleset.h"
#include "vm/vm.h"

enum { NUMBERS = 4, FAMILIES = 3, COMPILES = 5, FEW = 200 /* rules of any list with SMALL */, PATH = 4300 };
static const uint32_t numbers[NUMBERS] = {100, 1000, 10000, 100000};
static const char *const families[FAMILIES] = {"acl1", "fw1", "ipc1"};
static unsigned frames; /* per list */
static const struct facts facts;
static const char *folder;
static char preyc[4200], preyrun[4200];

/* A list's files and its measurements. */
struct list {
    char prey[PATH], nft[PATH], pbc[PATH], pcap[PATH];
    char name[40];
    uint32_t number;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "rules: %s: %s\n", what, why);
    exit(2);
}

static struct list list_of(const char *family, uint32_t n)
{
    struct list l = {.number = n};
    char stem[PATH - 8];
    snprintf(stem, sizeof stem, "%.4000s/rules-%s-%u", folder, family, n);
    snprintf(l.prey, PATH, "%s.prey", stem);
    snprintf(l.nft, PATH, "%s.nft", stem);
    snprintf(l.pbc, PATH, "%s.pbc", stem);
    snprintf(l.pcap, PATH, "%s.pcap", stem);
    snprintf(l.name, sizeof l.name, "%s, %u rules", family, n);
    return l;
}

/* Run a child that discards its warnings: such lists contain rules that can never match. */
static int quietly(char *const argv[], struct child *c)
{
    const int kept = dup(2), null = open("/dev/null", O_WRONLY);
    dup2(null, 2);
    *c = child_run(argv);
    dup2(kept, 2);
    close(kept);
    close(null);
    return c->status;
}

/* ---- lists ---- */

/* Draw `n` of the rules in their order, each equally likely. */
static struct ruleset drawn(const struct ruleset *all, uint32_t n)
{
    struct ruleset rs = *all;
    struct rng r = {.state = n};
    rs.rules = calloc(n + 1, sizeof *rs.rules);
    rs.count = 0;
    if (!rs.rules) die("list", "out of memory");
    for (uint32_t i = 0; i < all->count && rs.count < n; i++)
        if (rng_below(&r, all->count - i) < n - rs.count) rs.rules[rs.count++] = all->rules[i];
    return rs;
}

static void nft_print(const struct ruleset *rs, FILE *out) { ruleset_print_nft(rs, "forward", out); }

static void file_write(const char *path, const struct ruleset *rs, void (*print)(const struct ruleset *, FILE *))
{
    FILE *f = fopen(path, "w");
    if (!f) die(path, "cannot be written");
    print(rs, f);
    if (fclose(f)) die(path, "cannot be written");
}

static void capture_write(const struct ruleset *rs, const char *path)
{
    struct headers h;
    headers_trace(&h, rs, frames, 31);
    pcap_t *p = pcap_open_dead(DLT_EN10MB, 65535);
    pcap_dumper_t *d = p ? pcap_dump_open(p, path) : NULL;
    if (!d) die(path, "cannot be written");
    for (uint32_t i = 0; i < frames; i++) {
        uint8_t frame[FLAT_FRAME_MOST];
        const unsigned len = header_frame(rs, &h.v[i], frame);
        const struct pcap_pkthdr head = {.ts = {1, 0}, .caplen = len, .len = len};
        pcap_dump((u_char *)d, &head, frame);
    }
    pcap_dump_close(d);
    pcap_close(p);
    headers_fini(&h);
}

static void family_write(const char *family)
{
    static const enum ruleset_kind kinds[] = {RULES_ACL, RULES_FW, RULES_IPC};
    struct ruleset all;
    char set[40];
    snprintf(set, sizeof set, "%s_%s_s1", family, bench_small() ? "1k" : "100k");
    for (unsigned i = 0; !ruleset_classbench(&all, set) && i < FAMILIES; i++)
        if (!strcmp(families[i], family)) {
            ruleset_make(&all, kinds[i], false, bench_size(100000, FEW), 1);
            bench_note("rules: %s is made here: there is no corpus", family);
            break;
        }
    for (unsigned i = 0; i < NUMBERS; i++) {
        const uint32_t n = bench_size(numbers[i], FEW);
        struct ruleset rs = drawn(&all, n < all.count ? n : all.count);
        const struct list l = list_of(family, numbers[i]);
        file_write(l.prey, &rs, ruleset_print);
        file_write(l.nft, &rs, nft_print);
        capture_write(&rs, l.pcap);
        ruleset_fini(&rs);
    }
    ruleset_fini(&all);
}

/* ---- compiling ---- */

struct measured {
    struct series ms, mb;
};

static int measure(char *const argv[], struct measured *m)
{
    struct child c;
    const int status = quietly(argv, &c);
    series_add(&m->ms, (double)c.wall_ns / 1e6);
    series_add(&m->mb, (double)c.peak_bytes / 1048576);
    return status;
}

static void size_row(const struct list *l)
{
    struct stat st;
    struct series size = {0};
    char what[120];
    if (stat(l->pbc, &st) == 0) series_add(&size, (double)st.st_size / 1048576);
    snprintf(what, sizeof what, "%s: .pbc", l->name);
    bench_row(&(struct bench_row){what, "MiB", &size, NULL, NULL, GOAL_NONE, 0});
}

/* Measure compiling. nft takes seconds for the largest lists, so only one family of them is compared. */
static void compiles(struct list *l, bool with_nft)
{
    char *ours[] = {preyc, l->prey, "-o", l->pbc, NULL}, what[120];
    char *nft[] = {"/usr/bin/unshare", geteuid() == 0 ? "-n" : "-rn", "/usr/sbin/nft", "-c", "-f", l->nft, NULL};
    struct measured a = {0}, b = {0};
    struct child c;
    const bool peer = with_nft && access(nft[2], X_OK) == 0 && quietly(nft, &c) == 0;
    for (unsigned i = 0; i < bench_size(l->number > 10000 ? 3 : COMPILES, 2); i++) {
        if (measure(ours, &a)) die(l->prey, "preyc refuses it");
        if (peer) measure(nft, &b);
    }
    const char *const who = peer ? "nft -c -f" : NULL;
    snprintf(what, sizeof what, "%s: preyc, time", l->name);
    bench_row(&(struct bench_row){what, "ms", &a.ms, who, peer ? &b.ms : NULL, peer ? GOAL_RATIO : GOAL_NONE, 0.5});
    snprintf(what, sizeof what, "%s: preyc, peak memory", l->name);
    bench_row(&(struct bench_row){what, "MiB", &a.mb, who, peer ? &b.mb : NULL, GOAL_NONE, 0});
    size_row(l);
}

/* ---- packets ---- */

struct judged {
    struct list list;
    uint8_t (*frame)[FLAT_FRAME_MOST];
    unsigned frame_len;
    struct program *program;
    struct vm *vm;
    struct series ns, replayed;
};

static void frames_read(struct judged *l)
{
    char err[PCAP_ERRBUF_SIZE];
    pcap_t *p = pcap_open_offline(l->list.pcap, err);
    struct pcap_pkthdr *h;
    const u_char *data;
    l->frame = calloc(frames, sizeof *l->frame);
    if (!p || !l->frame) die(l->list.pcap, "cannot be read");
    for (uint32_t i = 0; i < frames && pcap_next_ex(p, &h, &data) == 1; i++)
        memcpy(l->frame[i], data, l->frame_len = h->caplen);
    pcap_close(p);
}

static void pass(struct judged *l)
{
    static struct pkt pkts[VM_BATCH];
    static struct pkt *pointers[VM_BATCH];
    static struct verdict verdicts[VM_BATCH];
    const struct vm_in in = {.mono_ns = 1, .facts = &facts};
    for (unsigned i = 0; i < frames; i += VM_BATCH) {
        const unsigned n = frames - i < VM_BATCH ? frames - i : VM_BATCH;
        for (unsigned k = 0; k < n; k++) {
            pkt_view(&pkts[k], l->frame[i + k], l->frame_len, l->frame_len, LINK_ETHER, IFACE_NONE);
            pointers[k] = &pkts[k];
        }
        struct vm_tx tx = {0};
        vm_run(l->vm, &in, pointers, n, verdicts, &tx);
    }
}

static void run_once(struct judged *l)
{
    unsigned passes = 0;
    uint64_t took;
    const uint64_t begin = bench_cpu_ns();
    do {
        pass(l);
        passes++;
        took = bench_cpu_ns() - begin;
    } while (took < bench_size(20000000, 1));
    series_add(&l->ns, (double)took / passes / frames);
}

/* Check that the code and the rule list judge every frame alike before anything is timed. */
static void check(struct judged *l)
{
    for (uint32_t i = 0; i<frames; i += l->list.number> 1000 ? 97 : 7) {
        struct pkt pkt;
        struct key key;
        pkt_view(&pkt, l->frame[i], l->frame_len, l->frame_len, LINK_ETHER, IFACE_NONE);
        if (pkt_parse(&pkt, &facts, &key) != REASON_NONE) die(l->list.name, "a frame is malformed");
        if (program_decide(l->program, &key, &pkt).rule != program_decide_naive(l->program, &key, &pkt).rule)
            die(l->list.name, "code and rule list differ");
    }
}

/* Add the median of preyrun --repeat, in nanoseconds per packet. */
static void replay_once(struct judged *l)
{
    char command[4 * PATH], line[160];
    double ns = 0;
    snprintf(command, sizeof command, "'%s' --pcap '%s' --repeat %u --format json '%s'", preyrun, l->list.pcap,
             bench_size(15, 2), l->list.pbc);
    FILE *f = popen(command, "r");
    while (f && fgets(line, sizeof line, f)) sscanf(line, " \"median_ns\": %lf", &ns);
    if (!f || pclose(f) || ns <= 0) die(command, "failed");
    series_add(&l->replayed, ns);
}

static void judged_open(struct judged *l, const char *family, uint32_t n)
{
    char err[256];
    *l = (struct judged){.list = list_of(family, n)};
    frames_read(l);
    l->program = program_load_file(l->list.pbc, err, sizeof err);
    if (!l->program) die(l->list.pbc, err);
    l->vm = vm_new(l->program, &(struct vm_cfg){.seed = 1});
    if (!l->vm) die(l->list.pbc, "out of memory");
    check(l);
    pass(l);
}

static void packet_rows(const struct judged lists[])
{
    char what[120];
    for (unsigned i = 0; i < NUMBERS; i++) {
        const char *const peer = i ? "100 rules" : NULL;
        const enum bench_goal goal = i ? GOAL_RATIO : GOAL_NONE;
        snprintf(what, sizeof what, "%s: whole packet", lists[i].list.name);
        bench_row(&(struct bench_row){what, "ns/pkt", &lists[i].ns, peer, i ? &lists[0].ns : NULL, goal, 2});
        snprintf(what, sizeof what, "%s: preyrun --repeat", lists[i].list.name);
        bench_row(
            &(struct bench_row){what, "ns/pkt", &lists[i].replayed, peer, i ? &lists[0].replayed : NULL, goal, 2});
    }
}

static void family_judge(const char *family)
{
    static struct judged lists[NUMBERS];
    for (unsigned i = 0; i < NUMBERS; i++) judged_open(&lists[i], family, numbers[i]);
    for (unsigned r = 0; r < bench_runs(); r++)
        for (unsigned i = 0; i < NUMBERS; i++) run_once(&lists[i]);
    for (unsigned r = 0; r < bench_size(3, 1); r++)
        for (unsigned i = 0; i < NUMBERS; i++) replay_once(&lists[i]);
    packet_rows(lists);
    for (unsigned i = 0; i < NUMBERS; i++) {
        vm_free(lists[i].vm);
        program_put(lists[i].program);
        free(lists[i].frame);
    }
}

int main(int argc, char **argv)
{
    const char *b = getenv("B");
    if (argc != 3) die("usage", "rules write|compile|packets FOLDER");
    folder = argv[2];
    frames = bench_size(20000, 500);
    snprintf(preyc, sizeof preyc, "%s/preyc", b ? b : "build");
    snprintf(preyrun, sizeof preyrun, "%s/preyrun", b ? b : "build");
    for (unsigned f = 0; f < FAMILIES; f++) {
        if (!strcmp(argv[1], "write")) family_write(families[f]);
        if (!strcmp(argv[1], "packets")) family_judge(families[f]);
        for (unsigned i = 0; i < NUMBERS && !strcmp(argv[1], "compile"); i++) {
            struct list l = list_of(families[f], numbers[i]);
            compiles(&l, !f && numbers[i] >= 1000);
        }
    }
    if (!strcmp(argv[1], "packets"))
        bench_note(
            "rules: lists drawn from ones of 100,000 rules, in their order; %u headers of the rules, each a frame of "
            "54 bytes in memory; whole processes for preyc and nft, which only checks",
            frames);
    return 0;
}
