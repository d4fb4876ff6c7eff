/* Services' counters follow a reload by name; those of removed services go into one sum */
#include "runtime/proxy/told/proxy_counters.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "vm/pbc.h"

static_assert(sizeof(struct proxy_counters) % 8 == 0, "counters of 64 bits");

static const struct {
    const char *name;
    enum end_class class;
} ends[] = {
#define END(ident, name, class, doc) {name, END_##class},
#include "runtime/counters/proxy_end.def"
};

const char *session_end_name(enum session_end e) { return ends[e].name; }
enum end_class session_end_class(enum session_end e) { return ends[e].class; }

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
#include "runtime/counters/proxy_bound.def"
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

struct proxy_counters **proxy_counted_new(uint32_t services)
{
    return calloc(services + 1u, sizeof(struct proxy_counters *));
}

/* Add removed services to `rest`, and free their counters, which are unused now */
static void counted_settle(struct proxy_counted *c)
{
    for (uint32_t i = 0; i < c->gone_count; i++) {
        if (c->gone[i]) proxy_counters_add(&c->rest, c->gone[i]);
        free(c->gone[i]);
    }
    c->gone_count = 0;
}

struct proxy_counters **proxy_counted_rename(struct proxy_counted *c, struct proxy_counters **fresh, uint32_t services,
                                             const uint32_t to[])
{
    struct proxy_counters **before = c->gone;
    counted_settle(c);
    for (uint32_t i = 0; i < c->services; i++) {
        if (!c->of[i] || to[i] == PBC_NONE || fresh[to[i]]) continue;
        fresh[to[i]] = c->of[i];
        c->of[i] = NULL;
    }
    c->gone = c->of;
    c->gone_count = c->services;
    c->of = fresh;
    c->services = services;
    return before;
}

void proxy_counted_fini(struct proxy_counted *c)
{
    counted_settle(c);
    for (uint32_t i = 0; c->of && i < c->services; i++) free(c->of[i]);
    free(c->of);
    free(c->gone);
    *c = (struct proxy_counted){0};
}

struct proxy_counters *proxy_counted_of(struct proxy_counted *c, uint32_t service)
{
    if (service >= c->services) return &c->rest;
    if (!c->of[service]) __atomic_store_n(&c->of[service], calloc(1, sizeof **c->of), __ATOMIC_RELEASE);
    return c->of[service] ? c->of[service] : &c->rest;
}

bool proxy_counted_read(const struct proxy_counted *c, uint32_t service, struct proxy_counters *sum)
{
    const struct proxy_counters *one = &c->rest;
    if (service != PBC_NONE) one = service < c->services ? __atomic_load_n(&c->of[service], __ATOMIC_ACQUIRE) : NULL;
    if (one) proxy_counters_add(sum, one);
    for (uint32_t i = 0; service == PBC_NONE && i < c->gone_count; i++)
        if (c->gone[i]) proxy_counters_add(sum, c->gone[i]);
    return one;
}
