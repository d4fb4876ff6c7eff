/* Numbers that workers share, see shared.h. */
#include "vm/shared/shared.h"

#include <stdlib.h>

enum { TRIES = 16 /* as many as there may be workers */ };

bool shared_reserve(struct shared_cell *c, uint64_t most)
{
    uint64_t was = shared_read(c);
    for (unsigned i = 0; i < TRIES && was < most; i++)
        if (__atomic_compare_exchange_n(&c->value, &was, was + 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return true;
    return false;
}

/* ---- life ---- */

/* The main thread alone makes and frees them, so `users` needs no atomics. */
static void cell_put(struct shared_cell *c)
{
    if (c && --c->users == 0) free(c);
}

/* Those that a program before has, at their places in this one; now[i] is where its number i is. */
static void keep_cells(struct shared_cell **to, struct shared_cell *const *from, const uint32_t *now, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (now[i] == PBC_NONE || to[now[i]]) continue;
        to[now[i]] = from[i];
        from[i]->users++;
    }
}

/* A cell for each that has none. */
static bool fill_cells(struct shared_cell **cells, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!cells[i] && !(cells[i] = calloc(1, sizeof *cells[i]))) return false;
        if (!cells[i]->users) cells[i]->users = 1;
    }
    return true;
}

static void free_cells(struct shared_cell **cells, uint32_t count)
{
    for (uint32_t i = 0; cells && i < count; i++) cell_put(cells[i]);
    free(cells);
}

struct shared *shared_new(const struct program *p, const struct shared *from, const struct remap *r)
{
    struct shared *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->services_count = p->services_count;
    s->servers_count = p->servers_count;
    s->services = calloc(p->services_count + 1u, sizeof(void *));
    s->servers = calloc(p->servers_count + 1u, sizeof(void *));
    bool good = s->services && s->servers;
    if (good && from) keep_cells(s->services, from->services, r->service, from->services_count);
    if (good && from) keep_cells(s->servers, from->servers, r->server, from->servers_count);
    good = good && fill_cells(s->services, s->services_count) && fill_cells(s->servers, s->servers_count);
    if (good) return s;
    shared_free(s);
    return NULL;
}

void shared_free(struct shared *s)
{
    if (!s) return;
    free_cells(s->services, s->services_count);
    free_cells(s->servers, s->servers_count);
    free(s);
}
