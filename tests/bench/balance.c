/* balance: nanoseconds to pick a server, for each way of balancing over 10 and 1,000 servers, and the time to build a
 * table of 65,537 slots.
 *
 * The peer of a table is the paper's loop (no weights, a table of 16-bit entries, positions by addition). The peer
 * of turns and connections is a look at every server. Weights are drawn from 1 to 10. Hashes are computed before,
 * like a packet's; separate rows show their cost. Time is the thread's processor time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/bench.h"
#include "tests/lib/rng.h"
#include "vm/forward/balance/balance_priv.h"

enum { SERVERS = 1000, SLOTS = 65537, FLOWS = 4096 };
static unsigned passes, build_count; /* per run */

static struct lb_server servers[SERVERS];
static char names[SERVERS][16];
static uint64_t hashes[FLOWS];
static uint32_t conns[SERVERS];
static volatile uint64_t sum; /* prevents the removal of loops whose result is unused */

static struct lb *make(enum lb_kind kind, uint32_t count)
{
    const struct lb_cfg cfg = {kind, servers, count, SLOTS, lb_hash_key(LB_KEY_DEFAULT, strlen(LB_KEY_DEFAULT)), 1};
    void *memory = aligned_alloc(64, lb_bytes(&cfg));
    if (!memory) exit(2);
    return lb_init(memory, &cfg);
}

static void draw_all(void)
{
    struct rng r = {1};
    for (uint32_t i = 0; i < SERVERS; i++) {
        snprintf(names[i], sizeof names[i], "pool/s%u", i);
        servers[i] = (struct lb_server){names[i], (uint16_t)(1 + rng_below(&r, 10)), false};
        conns[i] = servers[i].weight * (90 + rng_below(&r, 20));
    }
    for (uint32_t i = 0; i < FLOWS; i++) hashes[i] = rng_next(&r);
}

/* Pick a server by looking at each: smooth turns, or the first with the fewest connections. */
static int64_t riches[SERVERS];

static uint32_t plain_turn(uint32_t count)
{
    uint32_t best = 0;
    int64_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        riches[i] += servers[i].weight;
        total += servers[i].weight;
        if (riches[i] > riches[best]) best = i;
    }
    riches[best] -= total;
    return best;
}

static uint32_t plain_least(uint32_t count)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < count; i++)
        if ((uint64_t)conns[i] * servers[best].weight < (uint64_t)conns[best] * servers[i].weight) best = i;
    conns[best]++;
    return best;
}

static double picks_ns(struct lb *lb)
{
    const uint64_t begin = bench_cpu_ns();
    uint64_t s = 0;
    for (unsigned pass = 0; pass < passes; pass++)
        for (unsigned i = 0; i < FLOWS; i++) {
            const uint32_t server = lb_pick(lb, hashes[i], conns);
            conns[server]++;
            s += server;
        }
    sum += s;
    return (double)(bench_cpu_ns() - begin) / passes / FLOWS;
}

static double plain_ns(uint32_t (*pick)(uint32_t), uint32_t count)
{
    const uint64_t begin = bench_cpu_ns();
    uint64_t s = 0;
    for (unsigned i = 0; i < FLOWS * 4; i++) s += pick(count);
    sum += s;
    return (double)(bench_cpu_ns() - begin) / FLOWS / 4;
}

static void picks(enum lb_kind kind, uint32_t count)
{
    uint32_t (*const plain)(uint32_t) = kind == LB_ROUND_ROBIN  ? plain_turn
                                        : kind == LB_LEAST_CONN ? plain_least
                                                                : NULL;
    struct series ours = {.count = 0}, theirs = {.count = 0};
    char what[64];
    struct lb *lb = make(kind, count);
    for (unsigned run = 0; run < bench_runs(); run++) {
        series_add(&ours, picks_ns(lb));
        if (plain) series_add(&theirs, plain_ns(plain, count));
    }
    snprintf(what, sizeof what, "pick %s, %u servers", lb_name(kind), count);
    bench_row(&(struct bench_row){what, "ns", &ours, plain ? "look at all" : NULL, plain ? &theirs : NULL,
                                  plain && count > 100 ? GOAL_RATIO : GOAL_NONE, 1});
    free(lb);
}

static void flow_hashes(const char *what, uint64_t (*hash)(struct lb_hash_key, const struct lb_flow *), uint8_t family)
{
    const struct lb_hash_key key = lb_hash_key(LB_KEY_DEFAULT, strlen(LB_KEY_DEFAULT));
    struct series ours = {.count = 0};
    struct lb_flow f = {.family = family, .proto = 6, .dst_port = 443};
    for (unsigned run = 0; run < bench_runs(); run++) {
        const uint64_t begin = bench_cpu_ns();
        uint64_t s = 0;
        for (unsigned i = 0; i < FLOWS * passes; i++) {
            f.src[0] = i;
            s += hash(key, &f);
        }
        sum += s;
        series_add(&ours, (double)(bench_cpu_ns() - begin) / FLOWS / passes);
    }
    bench_row(&(struct bench_row){what, "ns", &ours, NULL, NULL, GOAL_NONE, 0});
}

/* Build by the paper's pseudocode 1. */
static void paper_build(uint32_t count)
{
    static uint16_t table[SLOTS];
    static uint32_t at[SERVERS], skip[SERVERS];
    memset(table, 0xff, sizeof table);
    for (uint32_t i = 0; i < count; i++) {
        at[i] = (uint32_t)(hashes[i] % SLOTS);
        skip[i] = (uint32_t)(hashes[i + SERVERS] % (SLOTS - 1)) + 1;
    }
    for (uint32_t filled = 0;;)
        for (uint32_t i = 0; i < count; i++) {
            uint32_t c = at[i];
            while (table[c] != UINT16_MAX) c = c + skip[i] >= SLOTS ? c + skip[i] - SLOTS : c + skip[i];
            table[c] = (uint16_t)i;
            at[i] = c;
            if (++filled == SLOTS) {
                sum += table[SLOTS / 2];
                return;
            }
        }
}

static void builds(uint32_t count, bool weighted)
{
    struct series ours = {.count = 0}, theirs = {.count = 0};
    static uint16_t weights[SERVERS];
    char what[64];
    struct lb *lb = make(LB_MAGLEV, count);
    for (unsigned run = 0; run < bench_runs(); run++) {
        uint64_t begin = bench_cpu_ns();
        for (unsigned i = 0; i < build_count; i++) {
            for (uint32_t k = 0; k < count; k++) weights[k] = weighted ? servers[k].weight : 1;
            weights[(run * build_count + i) % count] = 0; /* one server is down, a different one each time */
            lb_update(lb, weights);
        }
        series_add(&ours, (double)(bench_cpu_ns() - begin) / build_count / 1e6);
        begin = bench_cpu_ns();
        for (unsigned i = 0; i < build_count; i++) paper_build(count - 1);
        series_add(&theirs, (double)(bench_cpu_ns() - begin) / build_count / 1e6);
    }
    snprintf(what, sizeof what, "build 65,537 slots, %u servers%s", count, weighted ? ", weights 1-10" : "");
    bench_row(&(struct bench_row){what, "ms", &ours, "paper's loop", &theirs, GOAL_RATIO, 1});
    free(lb);
}

int main(void)
{
    static const uint32_t counts[] = {10, 100, 1000};
    passes = bench_size(64, 1);
    build_count = bench_size(10, 1);
    draw_all();
    for (int kind = 0; kind < LB_KINDS; kind++) {
        picks((enum lb_kind)kind, 10);
        picks((enum lb_kind)kind, 1000);
    }
    flow_hashes("hash of a flow, v4", lb_hash_flow, 4);
    flow_hashes("hash of a flow, v6", lb_hash_flow, 6);
    flow_hashes("hash of a source, v4", lb_hash_source, 4);
    for (unsigned i = 0; i < 3; i++) {
        builds(counts[i], false);
        builds(counts[i], true);
    }
    bench_note("balance: picks are of lb_pick, hashes made before; the paper's loop knows no weights");
    return 0;
}
