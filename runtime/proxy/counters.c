/* See counters.h. */
#include "runtime/proxy/counters.h"

#include <assert.h>
#include <stddef.h>

static_assert(sizeof(struct proxy_counters) % 8 == 0, "counters of 64 bits");

void proxy_counters_add(struct proxy_counters *to, const struct proxy_counters *c)
{
    uint64_t *t = (uint64_t *)to;
    const uint64_t *from = (const uint64_t *)c;
    for (size_t i = 0; i < sizeof *c / sizeof *t; i++) t[i] += __atomic_load_n(&from[i], __ATOMIC_ACQUIRE);
}

uint64_t proxy_counters_ended(const struct proxy_counters *c)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < SESSION_ENDS; i++) n += c->ends[i];
    return n;
}

static const uint32_t bounds_us[PROXY_BOUNDS] = {
#define BOUND(ident, us, seconds) us,
#include "runtime/proxy/bound.def"
};

void proxy_took(struct proxy_counters *c, enum proxy_time what, uint64_t ns)
{
    struct proxy_took *t = &c->took[what];
    const uint64_t us = ns / 1000;
    unsigned at = 0;
    while (at < PROXY_BOUNDS && us > bounds_us[at]) at++;
    count_up(&t->within[at], 1);
    count_up(&t->sum_us, us);
}

uint64_t proxy_took_count(const struct proxy_took *t)
{
    uint64_t n = 0;
    for (unsigned i = 0; i <= PROXY_BOUNDS; i++) n += t->within[i];
    return n;
}
