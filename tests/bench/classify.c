/* classify [SET...]: our classifier beside DPDK's rte_acl, a linear list in C and bpf_filter, on ClassBench's lists
 * of 1,000, 10,000 and 100,000 rules (without the corpus, on similar generated lists). Generated lists add IPv6
 * rules, among them random pairs of prefixes, and a million rules, which no rival takes.
 *
 * Figures of each list: nanoseconds per header, for headers of the rules, mutated ones, random ones, and the worst
 * found for our tree; seconds to build; memory while building, in a separate process; bytes built. All results are
 * compared before any is timed: with ClassBench's, else with the rivals'. */
#include <stdlib.h>
#include <string.h>

#include "tests/bench/peers/rival.h"
#include "tests/lib/bench.h"

enum { REPEATED_BUILDS = 5, SLOW_SAMPLE = 400, SLOWEST_SAMPLE = 60 };
enum {
    FEW = 300 /* number of rules in a generated list with SMALL; lists of ClassBench have 1,000 */,
    FEW_HEADERS = 500,
    PAIRS_HEADERS = 4000
};
static unsigned run_ms;
static uint32_t headers_most; /* per kind */

/* Goals against rte_acl by size (docs/performance.md), and goals of figures without a peer: nanoseconds for a trace,
 * seconds, MiB built. */
struct goals {
    double search, build, memory;
};
/* Goals for random pairs of IPv6 prefixes, which have no peer: for a search without the fixed costs of a packet. */
static const struct goals pairs_10k = {90, 0, 3e6 / 1048576}, pairs_100k = {120, 0.3, 16e6 / 1048576};
static const struct size {
    const char *name;
    uint32_t rules;
    struct goals beside, alone[2]; /* [0] IPv4, [1] IPv6 */
} sizes[] = {
    {.name = "1k", .rules = 1000, .beside = {0.9, 0.7, 0.3}},
    {.name = "10k", .rules = 10000, .beside = {0.6, 0.3, 0.1}},
    {.name = "100k", .rules = 100000, .beside = {0.35, 0.1, 0.02}, .alone[1] = {80, 2, 64}},
    {.name = "1M", .rules = 1000000, .alone[0] = {80, 3, 96}},
};
enum { SIZES = sizeof sizes / sizeof *sizes, MILLION = 1000000, MILLION_MIB = 256 };

struct bench {
    const struct size *size;
    char name[48];
    struct arena *arena;
    struct running prey, acl, lists;
    struct rival_built ours, theirs;
    bool has_acl;
    int acl_best; /* rte_acl's fastest method with bursts */
};

/* ---- lists and traffic ---- */

static void traffic_take(struct arena *a, enum traffic t, struct headers *h)
{
    a->counts[t] = h->count < headers_most ? h->count : headers_most;
    memcpy(a->headers[t], h->v, a->counts[t] * sizeof *h->v);
    headers_fini(h);
}

static void traffic_make(struct arena *a)
{
    struct headers h;
    if (!a->counts[TRAFFIC_TRACE]) {
        headers_trace(&h, &a->rules, headers_most, 11);
        traffic_take(a, TRAFFIC_TRACE, &h);
    }
    if (!a->counts[TRAFFIC_MUTATED]) {
        headers_mutated(&h, &a->rules, headers_most, 12);
        traffic_take(a, TRAFFIC_MUTATED, &h);
    }
    headers_random(&h, &a->rules, headers_most, 13);
    traffic_take(a, TRAFFIC_RANDOM, &h);
}

/* Check that our linear scan finds the same first rules as the table. */
static void expectations(const struct arena *a, const char *set, const struct headers *h)
{
    for (uint32_t i = 0; i < h->count; i += h->count / SLOW_SAMPLE + 1)
        if (ruleset_first(&a->rules, &h->v[i]) != h->expect[i]) {
            fprintf(stderr, "classify: %s: header %u: the table says rule %d\n", set, i, (int)h->expect[i]);
            exit(1);
        }
}

static bool classbench_take(struct arena *a, const char *seed, const char *size)
{
    static const char *const kinds[] = {"trace", "mut_trace"};
    char set[40];
    snprintf(set, sizeof set, "%s_%s_s1", seed, bench_small() ? "1k" : size);
    if (!ruleset_classbench(&a->rules, set)) return false;
    for (unsigned k = 0; k < 2; k++) {
        struct headers h;
        if (!headers_classbench(&h, set, kinds[k])) return false;
        expectations(a, set, &h);
        traffic_take(a, k ? TRAFFIC_MUTATED : TRAFFIC_TRACE, &h);
    }
    return true;
}

/* ---- comparing results ---- */

static void differ(const struct bench *b, const char *way, enum traffic t, uint32_t i, uint32_t ours, uint32_t other)
{
    fprintf(stderr, "classify: %s, %s, %s: header %u: rule %d, not %d\n", b->name, way, traffic_names[t], i, (int)ours,
            (int)other);
    exit(1);
}

/* Compare the best walk with a linear scan on some headers, and the other ways and rivals with it on all. */
static void check(struct bench *b, enum traffic t)
{
    struct arena *a = b->arena;
    static uint32_t first[RIVAL_HEADERS];
    char way[RIVAL_TEXT];
    rival_search(&b->prey, t, 0);
    memcpy(first, a->found, sizeof first);
    const uint32_t sample = a->rules.count < MILLION ? SLOW_SAMPLE : SLOWEST_SAMPLE;
    for (uint32_t i = 0; i < a->counts[t]; i += a->counts[t] / sample + 1) {
        const uint32_t right = ruleset_first(&a->rules, &a->headers[t][i]);
        if (first[i] != right) differ(b, "best walk", t, i, first[i], right);
    }
    struct running *all[] = {&b->prey, b->has_acl ? &b->acl : NULL};
    for (unsigned r = 0; r < 2; r++)
        for (unsigned w = 0; all[r] && rival_way_name(all[r], w, way); w++) {
            rival_search(all[r], t, w);
            for (uint32_t i = 0; i < a->counts[t]; i++)
                if (a->found[i] != first[i]) differ(b, way, t, i, a->found[i], first[i]);
        }
}

/* ---- rows ---- */

/* Print a row. A goal of 0 is none; a goal for a figure alone counts only without a peer. */
static void row(const struct bench *b, const char *what, const char *unit, const struct series *ours, const char *peer,
                const struct series *theirs, double beside, double alone)
{
    char name[120];
    const double goal = peer ? beside : alone;
    snprintf(name, sizeof name, "%s: %s", b->name, what);
    bench_row(&(struct bench_row){name, unit, ours, peer, theirs,
                                  goal <= 0 ? GOAL_NONE
                                  : peer    ? GOAL_RATIO
                                            : GOAL_VALUE,
                                  goal});
}

static bool is_pairs(const struct bench *b) { return !strncmp(b->name, "pairs", 5); }

static const struct goals *alone(const struct bench *b)
{
    if (is_pairs(b)) return b->size->rules > 10000 ? &pairs_100k : &pairs_10k;
    return &b->size->alone[b->arena->rules.v6];
}

/* Compare one of our ways with one of the rival's, run by run. */
static void race(struct bench *b, const char *what, enum traffic t, int ours, struct running *rival, int theirs,
                 uint32_t count, double beside, double alone_ns)
{
    struct series a = {0}, p = {0};
    char peer[2 * RIVAL_TEXT], way[RIVAL_TEXT] = "";
    if (ours < 0) return;
    const bool paired = rival && theirs >= 0 && rival_way_name(rival, (unsigned)theirs, way);
    for (unsigned i = 0; i < bench_runs(); i++) {
        series_add(&a, rival_time(&b->prey, t, (unsigned)ours, RIVAL_HEADERS, run_ms));
        if (paired) series_add(&p, rival_time(rival, t, (unsigned)theirs, count, run_ms));
    }
    const bool is_acl = rival == &b->acl;
    snprintf(peer, sizeof peer, "%s%.100s", is_acl ? "rte_acl, " : "", way);
    row(b, what, "ns", &a, paired ? peer : NULL, paired ? &p : NULL, beside, alone_ns);
}

static void fastest_find(struct bench *b)
{
    char way[RIVAL_TEXT];
    double least = 0;
    for (unsigned i = 0; rival_way_name(&b->acl, i, way); i++) {
        if (!strstr(way, "burst")) continue;
        struct series s = {0};
        for (unsigned k = 0; k < 3; k++) series_add(&s, rival_time(&b->acl, TRAFFIC_TRACE, i, RIVAL_HEADERS, run_ms));
        if (b->acl_best >= 0 && series_median(&s) >= least) continue;
        least = series_median(&s);
        b->acl_best = (int)i;
    }
}

static void searches(struct bench *b)
{
    struct running *acl = b->has_acl ? &b->acl : NULL;
    char what[RIVAL_TEXT];
    if (acl) fastest_find(b);
    for (enum traffic t = 0; t < TRAFFICS; t++) {
        if (!b->arena->counts[t]) continue;
        check(b, t);
        snprintf(what, sizeof what, "%s, batches", traffic_names[t]);
        race(b, what, t, 0, acl, b->acl_best, RIVAL_HEADERS, t == TRAFFIC_WORST ? 0 : b->size->beside.search,
             t == TRAFFIC_TRACE ? alone(b)->search : 0);
        snprintf(what, sizeof what, "%s, one a call", traffic_names[t]);
        race(b, what, t, 1, acl, acl ? rival_way(acl, "scalar, one a call") : -1, RIVAL_HEADERS, 0, 0);
    }
    for (unsigned i = 2; rival_way_name(&b->prey, i, what); i += 2) {
        char *comma = strchr(what, ',');
        if (comma) *comma = 0;
        const bool scalar = !strcmp(what, "scalar");
        char name[RIVAL_TEXT];
        snprintf(name, sizeof name, "trace, batches, %.40s walk", what);
        race(b, name, TRAFFIC_TRACE, (int)i, scalar ? acl : NULL,
             scalar && acl ? rival_way(acl, "scalar, burst of 64") : -1, RIVAL_HEADERS, 0, 0);
    }
    if (b->size->rules > 10000) return;
    const uint32_t few = b->size->rules > 1000 ? 500 : 5000;
    race(b, "trace, batches", TRAFFIC_TRACE, 0, &b->lists, 0, few, 0, 0);
    if (b->size->rules == 1000) race(b, "trace, batches", TRAFFIC_TRACE, 0, &b->lists, 1, few, 0, 0);
}

static void sizes_row(const struct bench *b, const char *what, uint64_t ours, uint64_t theirs, double beside,
                      double alone_mib)
{
    struct series a = {0}, p = {0};
    series_add(&a, (double)ours / 1048576);
    series_add(&p, (double)theirs / 1048576);
    row(b, what, "MiB", &a, b->has_acl ? "rte_acl" : NULL, b->has_acl ? &p : NULL, beside, alone_mib);
}

/* Return the classifier's memory limit; 0: none. */
static uint64_t room(const struct bench *b) { return b->size->rules < MILLION ? 0 : (uint64_t)MILLION_MIB << 20; }

static void builds(struct bench *b)
{
    struct series a = {0}, p = {0};
    struct rival_built again;
    const bool quick = b->has_acl && b->theirs.seconds < 1;
    series_add(&a, b->ours.seconds);
    if (b->has_acl) series_add(&p, b->theirs.seconds);
    for (unsigned i = 1; i < bench_size(REPEATED_BUILDS, 2); i++) {
        if (rival_again(&b->prey, room(b), &again)) series_add(&a, again.seconds);
        if (quick && rival_again(&b->acl, 0, &again)) series_add(&p, again.seconds);
    }
    row(b, "build", "s", &a, b->has_acl ? "rte_acl" : NULL, b->has_acl ? &p : NULL, b->size->beside.build,
        alone(b)->build);
    sizes_row(b, "memory while building", b->ours.peak_bytes, b->theirs.peak_bytes, 0, 0);
    sizes_row(b, "what was built", b->ours.bytes, b->theirs.bytes, b->size->beside.memory, alone(b)->memory);
}

/* Print the number of lines on the worst path through an IPv6 list: the builder limits it
 * (compiler/classify/README.md). */
static void lines_row(const struct bench *b)
{
    enum { LINES_GOAL = 64, LINES_GOAL_MILLION = 96 };
    struct series s = {0};
    if (!b->arena->rules.v6) return;
    series_add(&s, b->ours.lines);
    row(b, "cache lines at worst", "lines", &s, NULL, NULL, 0,
        b->size->rules < MILLION ? LINES_GOAL : LINES_GOAL_MILLION);
}

/* Build under a memory limit at which rte_acl fails (docs/performance.md, Goals). */
static void capped(struct bench *b, const char *set, const char *size, unsigned mib)
{
    char name[48], what[RIVAL_TEXT];
    snprintf(name, sizeof name, "%s %s", set, size);
    if (strcmp(b->name, name) != 0) return;
    struct rival_built c, peer = {0};
    struct running capped_prey, capped_acl;
    struct series a = {0};
    if (!rival_start(&capped_prey, &rival_prey, b->arena, (uint64_t)mib << 20, &c)) {
        bench_note("classify: %s: ours fails under a cap of %u MiB: %s", b->name, mib, c.text);
        return;
    }
    rival_stop(&capped_prey);
    series_add(&a, (double)c.peak_bytes / 1048576);
    const bool built = b->has_acl && rival_start(&capped_acl, &rival_acl, b->arena, (uint64_t)mib << 20, &peer);
    if (built) rival_stop(&capped_acl);
    snprintf(what, sizeof what, "%s: memory while building under a cap of %u MiB", b->name, mib);
    bench_row(&(struct bench_row){what, "MiB", &a, NULL, NULL, GOAL_VALUE, mib});
    if (b->has_acl)
        bench_note("classify: %s: rte_acl under a cap of %u MiB %s", b->name, mib, built ? "is built, too" : "fails");
}

/* ---- one list ---- */

static void measured(struct bench *b)
{
    if (!rival_start(&b->prey, &rival_prey, b->arena, room(b), &b->ours)) {
        fprintf(stderr, "classify: %s: %s\n", b->name, b->ours.text);
        exit(1);
    }
    b->acl_best = -1;
    rival_worst(&b->prey);
    if (b->size->rules >= MILLION)
        snprintf(b->theirs.text, sizeof b->theirs.text, "it is not asked for a million");
    else if (b->arena->rules.v6 && b->size->rules > 10000 && !getenv("LONG"))
        snprintf(b->theirs.text, sizeof b->theirs.text, "it builds these for minutes: LONG=1 waits for it");
    else
        b->has_acl = rival_start(&b->acl, &rival_acl, b->arena, 0, &b->theirs);
    struct rival_built list;
    rival_start(&b->lists, &rival_lists, b->arena, 0, &list);
    searches(b);
    builds(b);
    lines_row(b);
    capped(b, "fw1", "10k", 16);
    capped(b, "acl1", "100k", 32);
    bench_note("classify: %s: %u rules; %s%s%s", b->name, b->arena->rules.count, b->ours.text,
               b->has_acl ? "" : "; no rte_acl: ", b->has_acl ? "" : b->theirs.text);
    rival_stop(&b->prey);
    rival_stop(&b->acl);
    rival_stop(&b->lists);
    arena_free(b->arena);
}

static bool wanted(int argc, char **argv, const char *name)
{
    for (int i = 1; i < argc; i++)
        if (strstr(name, argv[i])) return true;
    return argc == 1;
}

static void one_list(int argc, char **argv, const char *seed, const struct size *size, bool v6)
{
    static const struct {
        const char *name;
        enum ruleset_kind kind;
    } made[] = {{"acl", RULES_ACL}, {"fw", RULES_FW}, {"ipc", RULES_IPC}, {"pairs", RULES_PAIRS}};
    struct bench b = {.size = size};
    snprintf(b.name, sizeof b.name, "%s %s%s", seed, size->name, v6 ? ", IPv6" : "");
    if (!wanted(argc, argv, b.name)) return;
    b.arena = arena_new();
    if (!b.arena) exit(2);
    if (v6 || size->rules >= MILLION || !classbench_take(b.arena, seed, size->name)) {
        const size_t stem = strcspn(seed, "0123456789");
        for (unsigned i = 0; i < sizeof made / sizeof *made; i++)
            if (!strncmp(made[i].name, seed, stem))
                ruleset_make(&b.arena->rules, made[i].kind, v6, bench_size(size->rules, FEW), 1);
        if (!v6) snprintf(b.name, sizeof b.name, "%s %s, made here", seed, size->name);
    }
    traffic_make(b.arena);
    fprintf(stderr, "bench:   %s\n", b.name);
    measured(&b);
}

int main(int argc, char **argv)
{
    static const char *const seeds[] = {"acl1", "fw1", "ipc1"}, *const kinds[] = {"acl", "fw", "ipc"};
    run_ms = bench_size(4, 0);
    headers_most = bench_size(RIVAL_HEADERS, FEW_HEADERS);
    for (unsigned i = 0; i < SIZES; i++)
        for (unsigned s = 0; s < 3; s++) one_list(argc, argv, seeds[s], &sizes[i], false);
    for (unsigned i = 0; i < SIZES; i++)
        for (unsigned s = 0; s < 3; s++) one_list(argc, argv, kinds[s], &sizes[i], true);
    headers_most = bench_size(PAIRS_HEADERS, FEW_HEADERS);
    for (unsigned i = 1; i < 3; i++) one_list(argc, argv, "pairs", &sizes[i], true);
    return 0;
}
