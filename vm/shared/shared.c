/* Numbers that workers share, see shared.h */
#include "vm/shared/shared.h"

#include <stdlib.h>

enum { TRIES = 16 /* the greatest number of workers */ };

bool shared_reserve(struct shared_cell *c, uint64_t most)
{
    uint64_t was = shared_read(c);
    for (unsigned i = 0; i < TRIES && was < most; i++)
        if (__atomic_compare_exchange_n(&c->value, &was, was + 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return true;
    return false;
}

/* Return how far `value` is ahead of `now`, at most `limit`. A difference far beyond any bucket is a time in the
 * distant past that wrapped; the margin allows for workers whose clocks were read at different moments. */
static uint64_t ahead(uint64_t value, uint64_t now, uint64_t limit)
{
    const int64_t d = (int64_t)(value - now);
    if (d <= 0 || (uint64_t)d > limit + (UINT64_C(1) << 60)) return 0;
    return (uint64_t)d < limit ? (uint64_t)d : limit;
}

uint64_t shared_ahead(const struct shared_cell *c, uint64_t now, uint64_t limit)
{
    return ahead(shared_read(c), now, limit);
}

uint64_t shared_take(struct shared_cell *c, const struct shared_ask *a)
{
    uint64_t was = shared_read(c);
    for (unsigned i = 0; i < TRIES; i++) {
        const uint64_t before = ahead(was, a->now, a->limit), left = a->limit - before;
        if (left < a->need) return 0;
        const uint64_t got = left < a->want ? left : a->want;
        if (__atomic_compare_exchange_n(&c->value, &was, a->now + before + got, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            return got;
    }
    return 0;
}

/* Take over the cells of the previous program; now[i] is the new index of its number i. */
static void keep_cells(struct shared_cell **to, struct shared_cell *const *from, const uint32_t *now, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (now[i] == PBC_NONE || to[now[i]]) continue;
        to[now[i]] = from[i];
        from[i]->users++;
    }
}

/* The same for meters, where was[i] is the old index of the new meter i. */
static void keep_meters(struct shared *to, const struct shared *from, const uint32_t *was)
{
    for (uint32_t i = 0; i < to->meters_count; i++) {
        if (was[i] == PBC_NONE) continue;
        to->meters[i] = from->meters[was[i]];
        to->meters[i]->users++;
    }
}

/* Make a cell for each number that has none. */
static bool fill_cells(struct shared_cell **cells, uint32_t count, uint64_t now_ns)
{
    for (uint32_t i = 0; i < count; i++) {
        if (cells[i]) continue;
        if (!(cells[i] = malloc(sizeof *cells[i]))) return false;
        *cells[i] = (struct shared_cell){.base_ns = now_ns, .users = 1};
    }
    return true;
}

static void free_cells(struct shared_cell **cells, uint32_t count)
{
    /* Only the main thread makes and frees cells, so `users` needs no atomics. */
    for (uint32_t i = 0; cells && i < count; i++)
        if (cells[i] && --cells[i]->users == 0) free(cells[i]);
    free(cells);
}

struct shared *shared_new(const struct program *p, const struct shared *from, const struct remap *r, uint64_t now_ns)
{
    struct shared *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->services_count = p->services_count;
    s->servers_count = p->servers_count;
    s->services = calloc(p->services_count + 1u, sizeof(void *));
    s->servers = calloc(p->servers_count + 1u, sizeof(void *));
    s->meters_count = p->meters_count;
    s->meters = calloc(p->meters_count + 1u, sizeof(void *));
    if (from) s->ports = from->ports;
    bool good = s->services && s->servers && s->meters;
    if (good && from) keep_cells(s->services, from->services, r->service, from->services_count);
    if (good && from) keep_cells(s->servers, from->servers, r->server, from->servers_count);
    if (good && from) keep_meters(s, from, r->meter);
    good = good && fill_cells(s->services, s->services_count, now_ns) &&
           fill_cells(s->servers, s->servers_count, now_ns) && fill_cells(s->meters, s->meters_count, now_ns);
    if (good) return s;
    shared_free(s);
    return NULL;
}

void shared_free(struct shared *s)
{
    if (!s) return;
    free_cells(s->services, s->services_count);
    free_cells(s->servers, s->servers_count);
    free_cells(s->meters, s->meters_count);
    free(s);
}
