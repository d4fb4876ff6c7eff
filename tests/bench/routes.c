/* Tables of 10,000 to a million routes, with prefix lengths like the Internet's and sixteen next hops: the time to
 * build one, its memory, and a packet's time for look-ups of random places and of few places. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/bench.h"
#include "vm/judge/routes.h"

enum { QUERIES_MOST = 1 << 18, WAYS = 16, FEW = 1000 /* routes of any table with SMALL */ };

static struct route draw(struct rng *r, bool six)
{
    /* About three in five IPv4 routes are /24; half of the IPv6 routes are /48. */
    static const uint8_t four[] = {24, 24, 24, 24, 24, 24, 23, 22, 20, 16}, longer[] = {48, 48, 48, 48, 40, 44, 32, 29};
    struct route x = {.family = six ? 6 : 4, .way = 1 + rng_below(r, WAYS)};
    x.bits = six ? longer[rng_below(r, 8)] : four[rng_below(r, 10)];
    for (unsigned i = 0; i < (six ? 2 : 1); i++) x.to[i] = (uint32_t)rng_next(r);
    if (six) x.to[0] = 0x20000000 | x.to[0] >> 6;
    return x;
}

static struct routes *made(const struct route *all, uint32_t n)
{
    static struct route_way ways[WAYS + 1];
    static struct route_leg legs[WAYS];
    static const struct route_policy rules[] = {{.rule = {.family = 4}, .suppressed = -1},
                                                {.rule = {.family = 6}, .suppressed = -1}};
    ways[0].why = WAY_OTHER;
    for (unsigned i = 0; i < WAYS; i++) {
        ways[i + 1] = (struct route_way){.first = i, .legs = 1, .kind = ROUTE_VIA};
        legs[i] = (struct route_leg){.gateway = {i}, .family = 4, .up_to = UINT32_MAX};
    }
    return routes_new(&(struct routes_said){.routes = all,
                                            .ways = ways,
                                            .legs = legs,
                                            .rules = rules,
                                            .count = n,
                                            .ways_count = WAYS + 1,
                                            .legs_count = WAYS,
                                            .rules_count = 2},
                      1);
}

static void row(uint32_t n, bool six, const char *what, const char *unit, const struct series *ours)
{
    char text[128];
    snprintf(text, sizeof text, "%u routes of %s: %s", n, six ? "IPv6" : "IPv4", what);
    bench_row(&(struct bench_row){text, unit, ours, NULL, NULL, GOAL_NONE, 0});
}

static volatile unsigned sink; /* prevents the removal of look-ups whose result is unused */

/* Measure `size` look-ups; the row calls them `n`. */
static void look_up_rows(const struct routes *r, const struct route *all, uint32_t size, uint32_t n, bool six)
{
    static uint32_t to[QUERIES_MOST][4];
    const unsigned queries = bench_size(QUERIES_MOST, 1 << 12);
    const uint32_t from[4] = {0};
    struct rng seed = {9};
    for (unsigned few = 0; few < 2; few++) {
        struct series ns = {0};
        for (unsigned i = 0; i < queries; i++)
            for (unsigned k = 0; k < 4; k++)
                to[i][k] = all[few ? rng_below(&seed, 64) : (uint32_t)rng_next(&seed) % size].to[k] | (k > 1);
        for (unsigned run = 0; run < bench_runs(); run++) {
            unsigned found = 0;
            const uint64_t began = bench_cpu_ns();
            for (unsigned i = 0; i < queries; i++)
                found += routes_find(r, &(struct route_query){.to = to[i], .from = from, .family = six ? 6 : 4})->first;
            series_add(&ns, (double)(bench_cpu_ns() - began) / queries);
            sink = found;
        }
        row(n, six, few ? "look-up, few places" : "look-up, random places", "ns", &ns);
    }
}

int main(void)
{
    for (uint32_t n = 10000; n <= 1000000; n *= 10) {
        const uint32_t size = bench_size(n, FEW);
        for (unsigned six = 0; six < 2; six++) {
            struct rng seed = {2026};
            struct series ms = {0}, mb = {0};
            struct routes *r = NULL;
            struct route *all = calloc(size, sizeof *all);
            for (uint32_t i = 0; all && i < size; i++) all[i] = draw(&seed, six);
            for (unsigned run = 0; all && run < bench_size(5, 2); run++) {
                routes_put(r);
                const uint64_t began = bench_cpu_ns();
                r = made(all, size);
                series_add(&ms, (double)(bench_cpu_ns() - began) / 1e6);
            }
            if (!r) return 2;
            series_add(&mb, (double)(r->bytes + r->lookup_bytes) / 1048576);
            row(n, six, "made", "ms", &ms);
            row(n, six, "memory", "MiB", &mb);
            look_up_rows(r, all, size, n, six);
            routes_put(r);
            free(all);
        }
    }
    return 0;
}
