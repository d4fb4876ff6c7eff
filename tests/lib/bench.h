/* Shared by the benchmarks: a clock, series of runs, and rows for tests/bench/run.sh, which makes the table and the
 * JSON.
 *
 * A row compares our figure with a peer's from the same run; the two are measured in turns. Its ratio is the median
 * of the ratios of neighbouring runs, so a machine that drifts doesn't choose the winner.
 *
 * If SMALL is set and not empty, sizes are small and runs few: every program finishes within a moment, and its
 * figures mean nothing. Rows keep the names of the full sizes. */
#ifndef TESTS_LIB_BENCH_H
#define TESTS_LIB_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/lib/rng.h"

enum { BENCH_RUNS = 9 /* longest series */ };
bool bench_small(void);
/* Number of times to measure each figure: BENCH_RUNS, or 2 with SMALL. */
unsigned bench_runs(void);
/* Return `full`, or with SMALL at most `small`. */
uint32_t bench_size(uint32_t full, uint32_t small);

struct series {
    double run[BENCH_RUNS];
    unsigned count;
};

uint64_t bench_now_ns(void);
/* Return this thread's processor time: other load on a shared machine disturbs it less than wall time. */
uint64_t bench_cpu_ns(void);
/* Move this thread into a network namespace of ip-netns(8). False with the reason in errno. */
bool bench_enter(const char *space);
void series_add(struct series *s, double value);
double series_median(const struct series *s);

enum bench_goal { GOAL_NONE, GOAL_RATIO, GOAL_VALUE };

struct bench_row {
    const char *what, *unit;
    const struct series *ours;
    const char *peer; /* description, or NULL */
    const struct series *peer_runs;
    enum bench_goal goal; /* ratio to the peer, or value, that must not be exceeded */
    double goal_value;
};

/* Print one tab-separated line: what, unit, ours median min max, peer, median min max, ratio, goal, met. */
void bench_row(const struct bench_row *row);

/* Draw the next of `count` numbers: evenly, or skewed by Zipf's law with exponent 1. The skewed draw picks the
 * busiest 1,000 of a million half of the time. Ranks are scattered over the numbers. */
uint32_t bench_draw(struct rng *r, uint32_t count, bool skewed);

/* Print a line of prose for below the table. */
void bench_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
