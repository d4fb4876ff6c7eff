/* A hash table by worker and number, and a list from the oldest to the newest */
#include "runtime/observe/conns.h"

#include <stdlib.h>

#include "runtime/base/fnv.h"
#include "runtime/base/grown.h"

enum { BUCKETS = 1 << 15 };

bool observed_conns_init(struct observed_conns *all)
{
    *all = (struct observed_conns){.bucket = calloc(BUCKETS, sizeof(struct conn_seen *))};
    return all->bucket;
}

static struct conn_seen **bucket_of(const struct observed_conns *all, unsigned worker, uint64_t number)
{
    const uint64_t key[2] = {worker, number};
    return &all->bucket[fnv(key, sizeof key) % BUCKETS];
}

struct conn_seen *observed_conns_find(const struct observed_conns *all, unsigned worker, uint64_t number)
{
    struct conn_seen *c = *bucket_of(all, worker, number);
    while (c && (c->number != number || c->worker != worker)) c = c->chain;
    return c;
}

void observed_conns_drop(struct observed_conns *all, struct conn_seen *c)
{
    struct conn_seen **at = bucket_of(all, c->worker, c->number);
    while (*at != c) at = &(*at)->chain;
    *at = c->chain;
    *(c->older ? &c->older->newer : &all->oldest) = c->newer;
    *(c->newer ? &c->newer->older : &all->newest) = c->older;
    all->count--;
    free(c->gaps);
    free(c);
}

void observed_conns_fini(struct observed_conns *all)
{
    while (all->oldest) observed_conns_drop(all, all->oldest);
    free(all->bucket);
    all->bucket = NULL;
}

struct conn_seen *observed_conns_add(struct observed_conns *all, unsigned worker, uint64_t number)
{
    struct conn_seen *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    struct conn_seen **at = bucket_of(all, worker, number);
    c->worker = worker;
    c->number = number;
    c->chain = *at;
    *at = c;
    c->older = all->newest;
    *(all->newest ? &all->newest->newer : &all->oldest) = c;
    all->newest = c;
    all->count++;
    return c;
}

void conn_note(struct conn_seen *c, const struct observed_gap *g)
{
    if (c->count < GAPS_MOST && grow(&c->gaps, c->count, &c->room, 4, sizeof *c->gaps))
        c->gaps[c->count++] = *g;
    else
        c->more++;
}
