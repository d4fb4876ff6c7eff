/* See passing.h. */
#include "tests/lib/passing.h"

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/bench.h"

enum { LINE = 64, SLOTS = 256, BATCH = 64, PARTS = 100, SPINS = 10000 };

/* A number on a separate cache line */
struct apart {
    uint32_t value;
} __attribute__((aligned(2 * LINE)));

struct passing {
    struct apart there, back;
    uint8_t slots[SLOTS][LINE];
    const int *cpu;
    unsigned count; /* rounds or frames */
    double taker_ns;
    uint64_t sum; /* of the bytes read */
};

static void stay(int cpu)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    if (cpu < 0) return;
    CPU_SET((unsigned)cpu, &one);
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);
}

static uint32_t seen(const struct apart *a) { return __atomic_load_n(&a->value, __ATOMIC_ACQUIRE); }
static void say(struct apart *a, uint32_t value) { __atomic_store_n(&a->value, value, __ATOMIC_RELEASE); }

/* Wait for the value. The other thread may have lost its processor. */
static void await(const struct apart *a, uint32_t value)
{
    for (unsigned n = 1; seen(a) != value; n++)
        if (n % SPINS == 0) sched_yield();
}

/* Run both parts in separate threads, so that the caller's CPU affinity stays. */
static void both(struct passing *p, void *(*first)(void *), void *(*second)(void *))
{
    pthread_t a, b;
    if (pthread_create(&a, NULL, first, p) || pthread_create(&b, NULL, second, p)) abort();
    pthread_join(a, NULL);
    pthread_join(b, NULL);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void *ask(void *arg)
{
    struct passing *p = arg;
    static double parts[PARTS];
    const unsigned each = p->count / PARTS;
    uint32_t n = 0;
    stay(p->cpu[0]);
    for (unsigned part = 0; part < PARTS; part++) {
        const uint64_t began = bench_now_ns();
        for (unsigned i = 0; i < each; i++) {
            say(&p->there, ++n);
            await(&p->back, n);
        }
        parts[part] = (double)(bench_now_ns() - began) / each / 2;
    }
    qsort(parts, PARTS, sizeof *parts, by_value);
    p->taker_ns = parts[PARTS / 2];
    return NULL;
}

static void *answer(void *arg)
{
    struct passing *p = arg;
    stay(p->cpu[1]);
    for (uint32_t n = 1; n <= p->count / PARTS * PARTS; n++) {
        await(&p->there, n);
        say(&p->back, n);
    }
    return NULL;
}

double passing_line_ns(const int cpu[2], unsigned rounds)
{
    static struct passing p;
    p = (struct passing){.cpu = cpu, .count = rounds};
    both(&p, ask, answer);
    return p.taker_ns;
}

struct sender {
    struct passing p;
    double sender_ns;
};

static void *put_all(void *arg)
{
    struct sender *s = arg;
    struct passing *p = &s->p;
    uint8_t frame[LINE] = {0};
    stay(p->cpu[0]);
    for (uint32_t put = 0; put < p->count; put += BATCH) {
        while (put + BATCH - seen(&p->back) > SLOTS) sched_yield();
        const uint64_t began = bench_cpu_ns();
        for (uint32_t i = put; i < put + BATCH; i++) {
            memcpy(frame, &i, sizeof i);
            memcpy(p->slots[i % SLOTS], frame, LINE);
        }
        say(&p->there, put + BATCH);
        s->sender_ns += (double)(bench_cpu_ns() - began);
    }
    return NULL;
}

static void *take_all(void *arg)
{
    struct sender *s = arg;
    struct passing *p = &s->p;
    stay(p->cpu[1]);
    for (uint32_t taken = 0; taken < p->count; taken += BATCH) {
        while (seen(&p->there) == taken) sched_yield();
        const uint64_t began = bench_cpu_ns();
        for (uint32_t i = taken; i < taken + BATCH; i++) __builtin_prefetch(p->slots[i % SLOTS], 1);
        for (uint32_t i = taken; i < taken + BATCH; i++) p->sum += p->slots[i % SLOTS][0]++;
        say(&p->back, taken + BATCH);
        p->taker_ns += (double)(bench_cpu_ns() - began);
    }
    return NULL;
}

double passing_frame_ns(const int cpu[2], unsigned frames)
{
    static struct sender s;
    s = (struct sender){.p = {.cpu = cpu, .count = frames / BATCH * BATCH}};
    both(&s.p, put_all, take_all);
    return (s.sender_ns + s.p.taker_ns) / s.p.count;
}
