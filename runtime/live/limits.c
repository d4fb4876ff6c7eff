/* See limits.h. */
#include "runtime/live/limits.h"

#include <inttypes.h>
#include <time.h>

#define EACH_NS UINT64_C(10000000000)

static const struct {
    enum told told;
    const char *words;
} limits[LIMITS] = {
#define LIMIT(ident, told, words) {TOLD_##told, words},
#include "runtime/worker/limit.def"
};

/* The next hops that nobody answers for, a few of them. */
static void silent_hops(const struct live *l, char *to, size_t len)
{
    size_t used = 0;
    unsigned named = 0;
    *to = 0;
    for (unsigned i = 0; i < l->hops.count && named < 3; i++) {
        const struct hop *hop = &l->hops.all[i];
        struct host_addr a = {.family = hop->key.family};
        char text[HOST_ADDR_TEXT];
        if (hop->state != HOP_ASKED) continue;
        for (unsigned w = 0; w < 4; w++) a.word[w] = hop->key.addr[w];
        used += (size_t)snprintf(to + used, len - used, "%s%s on %.15s", named++ ? ", " : ", on the way to ",
                                 host_addr_text(&a, text), l->o->ifaces[hop->port]);
    }
}

/* Reached so often since the start. */
static uint64_t reached(const struct live *l, unsigned limit)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < l->worker_count; i++)
        sum += __atomic_load_n(&l->workers[i]->limits[limit], __ATOMIC_RELAXED);
    return sum;
}

void limits_tell(struct live *l, bool last)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    const uint64_t now_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    for (unsigned i = 0; i < LIMITS; i++) {
        struct limit_told *told = &l->limits[i];
        const uint64_t now = reached(l, i);
        char where[300] = "";
        if (now < told->count) told->count = now; /* counters of another program */
        if (now == told->count || (told->count && !last && now_ns - told->at_ns < EACH_NS)) continue;
        if (i == LIMIT_NEIGHBOUR) silent_hops(l, where, sizeof where);
        events_tell(&l->events, limits[i].told, "%s%s: %" PRIu64, limits[i].words, where, now - told->count);
        *told = (struct limit_told){now, now_ns};
    }
}
