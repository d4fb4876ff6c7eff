/* Shared by the benchmarks: a clock, series of runs, and rows for tests/bench/run.sh, which makes the table and the
 * JSON.
 *
 * A row compares our figure with a peer's measured in the same run, turn about: the ratio is the median of the ratios
 * of neighbouring runs, so a machine that drifts does not choose the winner.
 *
 * With SMALL in the environment, and not empty, sizes are small and runs few: every program goes its whole way within a
 * moment, and its figures say nothing. Rows keep the names of the full sizes. */
#ifndef TESTS_LIB_BENCH_H
#define TESTS_LIB_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/lib/rng.h"

enum { BENCH_RUNS = 9 /* the most of a series */ };
bool bench_small(void);
/* How often each figure is measured: BENCH_RUNS, or twice with SMALL. */
unsigned bench_runs(void);
/* `full`; with SMALL at most `small`. */
uint32_t bench_size(uint32_t full, uint32_t small);

struct series {
    double run[BENCH_RUNS];
    unsigned count;
};

uint64_t bench_now_ns(void);
/* Processor time of this thread: what others do on a shared machine counts less. */
uint64_t bench_cpu_ns(void);
/* Enter a network namespace of ip-netns(8) with this thread. False with the reason in errno. */
bool bench_enter(const char *space);
void series_add(struct series *s, double value);
double series_median(const struct series *s);

enum bench_goal { GOAL_NONE, GOAL_RATIO, GOAL_VALUE };

struct bench_row {
    const char *what, *unit;
    const struct series *ours;
    const char *peer; /* description, or NULL */
    const struct series *peer_runs;
    enum bench_goal goal; /* at most goal_value times the peer, or at most goal_value */
    double goal_value;
};

/* One tab-separated line on standard output: what, unit, ours median min max, peer, median min max, ratio, goal, met.
 */
void bench_row(const struct bench_row *row);

/* Which of `count` comes next: each as likely as any other, or skewed by Zipf's law with exponent 1, by which the
 * busiest 1,000 of a million come half of the time. Ranks are strewn over the numbers. */
uint32_t bench_draw(struct rng *r, uint32_t count, bool skewed);

/* A line of prose under the table. */
void bench_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
