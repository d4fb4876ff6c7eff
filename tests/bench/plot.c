/* plot [set]: time per header by the number of rules, for every contender: lines `NUMBER CONTENDER NANOSECONDS
 * LOWEST HIGHEST`, tab-separated, for rules.gp. Lists are drawn from ClassBench's largest access list, in its order;
 * without the corpus, from a generated one. */
#include <stdlib.h>
#include <string.h>

#include "tests/bench/peers/rival.h"
#include "tests/lib/bench.h"

enum { RUN_MS = 3, LISTS_MS = 15, SLOW_NS = 4000000, NOISE_NS = 20, FEW = 200 /* rules of any list with SMALL */ };
static const uint32_t numbers[] = {10, 30, 100, 300, 1000, 3000, 10000, 30000, 100000};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

/* Draw `n` of the rules in their order, each equally likely. */
static void draw(struct ruleset *to, const struct ruleset *all, uint32_t n)
{
    struct rng r = {.state = n};
    *to = *all;
    to->rules = calloc(n + 1, sizeof *to->rules);
    to->count = 0;
    if (!to->rules) abort();
    for (uint32_t i = 0; i < all->count && to->count < n; i++)
        if (rng_below(&r, all->count - i) < n - to->count) to->rules[to->count++] = all->rules[i];
}

static void traffic(struct arena *a)
{
    struct headers h;
    headers_trace(&h, &a->rules, bench_size(RIVAL_HEADERS, 500), 31);
    a->counts[TRAFFIC_TRACE] = h.count;
    memcpy(a->headers[TRAFFIC_TRACE], h.v, h.count * sizeof *h.v);
    headers_fini(&h);
}

static bool is_slow(const struct running *r) { return r->rival == &rival_lists || r->rival == &rival_nft; }

/* Return how many headers one pass may take to end within milliseconds. */
static uint32_t headers_for(const struct running *r, uint32_t rules)
{
    const uint32_t n = is_slow(r) ? SLOW_NS / rules / 4 : RIVAL_HEADERS;
    return n < 20 ? 20 : n > RIVAL_HEADERS ? RIVAL_HEADERS : n;
}

static void print_line(uint32_t rules, const char *name, const struct series *s)
{
    double least = s->run[0], most = s->run[0];
    for (unsigned i = 1; i < s->count; i++) {
        if (s->run[i] < least) least = s->run[i];
        if (s->run[i] > most) most = s->run[i];
    }
    printf("%u\t%s\t%.3f\t%.3f\t%.3f\n", rules, name, series_median(s), least, most);
    fflush(stdout);
}

static double timed(struct running *r, uint32_t rules, int way)
{
    return rival_time(r, TRAFFIC_TRACE, (unsigned)way, headers_for(r, rules),
                      bench_size(is_slow(r) ? LISTS_MS : RUN_MS, 0));
}

static void line(struct running *r, uint32_t rules, int way, const char *name)
{
    struct series s = {0};
    if (r->pid <= 0 || way < 0) return;
    for (unsigned i = 0; i < bench_runs(); i++) series_add(&s, timed(r, rules, way));
    print_line(rules, name, &s);
}

/* Print the rules' share of the time to send a packet; no point if the noise of sending hides it. */
static void nft_line(struct running *r, uint32_t rules)
{
    struct series s = {0};
    for (unsigned i = 0; i < bench_runs(); i++) {
        const double with = timed(r, rules, 0), without = timed(r, rules, 1);
        series_add(&s, with - without > NOISE_NS ? with - without : NOISE_NS);
    }
    if (series_median(&s) > NOISE_NS) print_line(rules, "nftables, rules alone", &s);
}

/* Return its fastest method with bursts of 64. */
static int fastest(struct running *acl)
{
    char way[RIVAL_TEXT];
    double least = 0;
    int best = -1;
    for (unsigned i = 0; rival_way_name(acl, i, way); i++) {
        if (!strstr(way, "burst of 64")) continue;
        const double ns = rival_time(acl, TRAFFIC_TRACE, i, RIVAL_HEADERS, bench_size(RUN_MS, 0));
        if (best >= 0 && ns >= least) continue;
        least = ns;
        best = (int)i;
    }
    return best;
}

static void one_number(const struct ruleset *all, uint32_t n)
{
    struct arena *a = arena_new();
    struct running prey, acl, lists, nft;
    struct rival_built b;
    if (!a) exit(2);
    const uint32_t size = bench_size(n, FEW);
    draw(&a->rules, all, size < all->count ? size : all->count);
    traffic(a);
    fprintf(stderr, "plot: %u rules\n", a->rules.count);
    if (!rival_start(&prey, &rival_prey, a, 0, &b)) exit(2);
    if (!rival_start(&acl, &rival_acl, a, 0, &b)) fprintf(stderr, "plot: no rte_acl: %s\n", b.text);
    if (!rival_start(&lists, &rival_lists, a, 0, &b)) exit(2);
    if (!rival_start(&nft, &rival_nft, a, 0, &b)) fprintf(stderr, "plot: no nft: %s\n", b.text);
    line(&prey, n, 0, "prey, batches of 64");
    line(&prey, n, 1, "prey, one at a time");
    if (acl.pid > 0) line(&acl, n, fastest(&acl), "DPDK rte_acl, bursts of 64");
    if (acl.pid > 0) line(&acl, n, rival_way(&acl, "scalar, one a call"), "DPDK rte_acl, one at a time");
    line(&lists, n, 0, "linear list in C");
    line(&lists, n, 1, "bpf_filter");
    if (nft.pid > 0) nft_line(&nft, n);
    rival_stop(&prey);
    rival_stop(&acl);
    rival_stop(&lists);
    rival_stop(&nft);
    arena_free(a);
}

int main(int argc, char **argv)
{
    const char *set = argc > 1 ? argv[1] : bench_small() ? "acl1_1k_s1" : "acl1_100k_s1";
    struct ruleset all;
    const bool found = ruleset_classbench(&all, set);
    if (!found) ruleset_make(&all, RULES_ACL, false, bench_size(numbers[NUMBERS - 1], FEW), 1);
    printf("# %s%s%s\n", found ? "drawn from ClassBench " : "made here", found ? set : "",
           found && !bench_small() ? ", of 100,000" : "");
    for (unsigned i = 0; i < NUMBERS; i++) one_number(&all, numbers[i]);
    ruleset_fini(&all);
    return 0;
}
