/* Series and rows of the benchmarks: see bench.h. */
#include "tests/lib/bench.h"

#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t bench_now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }
uint64_t bench_cpu_ns(void) { return clock_ns(CLOCK_THREAD_CPUTIME_ID); }

bool bench_enter(const char *space)
{
    char path[200];
    snprintf(path, sizeof path, "/run/netns/%s", space);
    const int fd = open(path, O_RDONLY);
    const bool good = fd >= 0 && !setns(fd, CLONE_NEWNET);
    if (fd >= 0) close(fd);
    return good;
}

bool bench_small(void)
{
    const char *set = getenv("SMALL");
    return set && *set;
}

uint32_t bench_size(uint32_t full, uint32_t small) { return bench_small() && small < full ? small : full; }

unsigned bench_runs(void) { return bench_size(BENCH_RUNS, 2); }

void series_add(struct series *s, double value)
{
    if (s->count < BENCH_RUNS) s->run[s->count++] = value;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void sorted(const struct series *s, double to[BENCH_RUNS])
{
    memcpy(to, s->run, sizeof s->run);
    qsort(to, s->count, sizeof *to, by_value);
}

double series_median(const struct series *s)
{
    double v[BENCH_RUNS];
    if (!s->count) return 0;
    sorted(s, v);
    return (v[(s->count - 1) / 2] + v[s->count / 2]) / 2;
}

static void series_print(const struct series *s)
{
    double v[BENCH_RUNS] = {0};
    if (s) sorted(s, v);
    if (s && s->count)
        printf("\t%.4g\t%.4g\t%.4g", series_median(s), v[0], v[s->count - 1]);
    else
        printf("\t-\t-\t-");
}

static double ratio_median(const struct series *ours, const struct series *peer)
{
    struct series ratio = {.count = 0};
    for (unsigned i = 0; i < ours->count && i < peer->count; i++)
        if (peer->run[i] > 0) series_add(&ratio, ours->run[i] / peer->run[i]);
    return series_median(&ratio);
}

void bench_row(const struct bench_row *row)
{
    printf("row\t%s\t%s", row->what, row->unit);
    series_print(row->ours);
    printf("\t%s", row->peer ? row->peer : "-");
    series_print(row->peer_runs);
    const double ratio = row->peer_runs && row->peer_runs->count ? ratio_median(row->ours, row->peer_runs) : 0;
    if (ratio > 0)
        printf("\t%.3g", ratio);
    else
        printf("\t-");
    const double got = row->goal == GOAL_RATIO ? ratio : series_median(row->ours);
    if (row->goal == GOAL_RATIO && ratio <= 0)
        printf("\t<= %.3g x\t-\n", row->goal_value);
    else if (row->goal == GOAL_RATIO)
        printf("\t<= %.3g x\t%s\n", row->goal_value, got <= row->goal_value ? "met" : "not met");
    else if (row->goal == GOAL_VALUE)
        printf("\t<= %.4g %s\t%s\n", row->goal_value, row->unit, got <= row->goal_value ? "met" : "not met");
    else
        printf("\t-\t-\n");
    fflush(stdout);
}

uint32_t bench_draw(struct rng *r, uint32_t count, bool skewed)
{
    if (!skewed) return rng_below(r, count);
    const double u = (double)(rng_next(r) >> 11) / 9007199254740992.0; /* 2^53 */
    const uint64_t rank = (uint64_t)exp(u * log((double)count + 1)) - 1;
    return (uint32_t)(rank * 2654435761u % count);
}

void bench_note(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    printf("note\t");
    vprintf(fmt, ap);
    printf("\n");
    va_end(ap);
    fflush(stdout);
}
