/* Cutting of a table's prefixes into ranges. Two prefixes are disjoint or nested, so one pass over them in order, with
 * the open ones on a stack, meets each boundary once. */
#include <stdlib.h>
#include <string.h>

#include "vm/judge/routes.h"

typedef unsigned __int128 u128;

/* A route with its addresses as numbers. */
struct span {
    u128 lo, hi;
    const struct route *route;
};

static u128 number_of(const struct route *x)
{
    if (x->family == 4) return x->to[0];
    return (u128)((uint64_t)x->to[0] << 32 | x->to[1]) << 64 | ((uint64_t)x->to[2] << 32 | x->to[3]);
}

static struct span span_of(const struct route *x)
{
    const unsigned all = x->family == 4 ? 32 : 128, free_bits = all - x->bits;
    const u128 free_mask = free_bits == 128 ? ~(u128)0 : ((u128)1 << free_bits) - 1, lo = number_of(x) & ~free_mask;
    return (struct span){lo, lo | free_mask, x};
}

/* Order outer before inner; of equal ones the lower rank first, then the higher metric, then the later one: the route
 * that counts comes last. */
static int compare(const void *pa, const void *pb)
{
    const struct span *a = pa, *b = pb;
    if (a->lo != b->lo) return a->lo < b->lo ? -1 : 1;
    if (a->hi != b->hi) return a->hi > b->hi ? -1 : 1;
    if (a->route->rank != b->route->rank) return a->route->rank < b->route->rank ? -1 : 1;
    if (a->route->metric != b->route->metric) return a->route->metric > b->route->metric ? -1 : 1;
    return a->route > b->route ? -1 : a->route < b->route;
}

struct cutter {
    u128 at; /* all below is cut */
    bool ended;
    struct open {
        u128 lo, hi;
        uint32_t rank, metric, way; /* values of the route that counts here */
        uint8_t bits;
    } open[130]; /* by length, each length once */
    unsigned depth;
    struct piece {
        u128 lo, hi;
        uint32_t way;
    } * pieces; /* room for two pieces a prefix, and one more */
    uint32_t count;
};

/* Cut up to hi, for the innermost open prefix. */
static void cut(struct cutter *c, u128 hi)
{
    const uint32_t way = c->open[c->depth - 1].way;
    struct piece *last = c->count ? &c->pieces[c->count - 1] : NULL;
    if (c->ended || c->at > hi) return;
    if (last && last->way == way && last->hi + 1 == c->at)
        last->hi = hi;
    else
        c->pieces[c->count++] = (struct piece){c->at, hi, way};
    c->at = hi + 1;
    c->ended = c->at == 0;
}

/* Open a prefix inside the innermost open one, or in place of an equal one. */
static void open_one(struct cutter *c, const struct span *s)
{
    const struct route *x = s->route;
    struct open *top = c->depth ? &c->open[c->depth - 1] : NULL;
    const bool equal = top && top->lo == s->lo && top->hi == s->hi, counts = !top || x->rank >= top->rank;
    struct open new = {s->lo, s->hi, x->rank, x->metric, x->way, x->bits};
    const bool twice = top && x->rank == top->rank && x->bits == top->bits && x->metric == top->metric;
    if (twice && x->family == 6) new.way = 0;
    if (!counts) new.rank = top->rank, new.metric = top->metric, new.way = top->way, new.bits = top->bits;
    if (!equal) c->depth++;
    c->open[c->depth - 1] = new;
}

static void cut_all(struct cutter *c, const struct span *spans, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        for (; c->depth && c->open[c->depth - 1].hi < spans[i].lo; c->depth--) cut(c, c->open[c->depth - 1].hi);
        if (c->depth && spans[i].lo) cut(c, spans[i].lo - 1);
        c->at = spans[i].lo;
        open_one(c, &spans[i]);
    }
    for (; c->depth; c->depth--) cut(c, c->open[c->depth - 1].hi);
}

/* Return the pieces of one family, malloc'd. False: out of memory. */
static bool pieces_of(const struct routes_said *said, uint8_t family, struct piece **pieces, uint32_t *count)
{
    uint32_t n = 0;
    struct span *spans = malloc((said->count + (size_t)1) * sizeof *spans);
    struct cutter c = {.pieces = malloc((2 * (size_t)said->count + 1) * sizeof *c.pieces)};
    *pieces = c.pieces;
    if (!spans || !c.pieces) {
        free(spans);
        return false;
    }
    for (uint32_t i = 0; i < said->count; i++)
        if (said->routes[i].family == family) spans[n++] = span_of(&said->routes[i]);
    qsort(spans, n, sizeof *spans, compare);
    cut_all(&c, spans, n);
    free(spans);
    *count = c.count;
    return true;
}

static void fill(struct routes *r, const struct routes_said *said, const struct piece *four, const struct piece *six)
{
    for (uint32_t i = 0; i < r->size.ranges4; i++) {
        r->range4[i] = (struct pbc_range){(uint32_t)four[i].lo, (uint32_t)four[i].hi};
        r->way4[i] = four[i].way;
    }
    for (uint32_t i = 0; i < r->size.ranges6; i++) {
        const struct piece *p = &six[i];
        r->range6[i] =
            (struct pbc_range6){(uint64_t)(p->lo >> 64), (uint64_t)p->lo, (uint64_t)(p->hi >> 64), (uint64_t)p->hi};
        r->way6[i] = p->way;
    }
    if (said->ways_count) memcpy(r->ways, said->ways, said->ways_count * sizeof *r->ways);
    if (said->legs_count) memcpy(r->legs, said->legs, said->legs_count * sizeof *r->legs);
    if (said->rules_count) memcpy(r->rules, said->rules, said->rules_count * sizeof *r->rules);
    if (said->devices_count) memcpy(r->devices, said->devices, said->devices_count * sizeof *r->devices);
}

static bool prefixes_fit(const struct routes_said *said)
{
    for (uint32_t i = 0; i < said->count; i++) {
        const struct route *x = &said->routes[i];
        const unsigned most = x->family == 4 ? 32 : x->family == 6 ? 128 : 0;
        if (!most || x->bits > most) return false;
    }
    return true;
}

struct routes *routes_new(const struct routes_said *said, unsigned ports)
{
    struct piece *four = NULL, *six = NULL;
    struct routes_size size = {
        .ways = said->ways_count, .legs = said->legs_count, .rules = said->rules_count, .devices = said->devices_count};
    struct routes *r = NULL;
    if (prefixes_fit(said) && pieces_of(said, 4, &four, &size.ranges4) && pieces_of(said, 6, &six, &size.ranges6))
        r = routes_alloc(&size);
    if (r) fill(r, said, four, six);
    free(four);
    free(six);
    if (!r || !routes_close(r, ports)) return r;
    routes_put(r);
    return NULL;
}
