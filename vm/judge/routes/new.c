/* Cutting of a table's prefixes into ranges. Two prefixes are disjoint or nested, so one pass over them in order,
 * with the open ones on a stack, meets each boundary once. Each view is cut by itself. In the view of the merged
 * tables, an address gets its way from the first rule whose table holds it. */
#include <stdlib.h>
#include <string.h>

#include "vm/judge/routes/policy_priv.h"

typedef unsigned __int128 u128;

/* A route of a used table, with its addresses as numbers. */
struct span {
    u128 lo, hi;
    const struct route *route;
    uint32_t way;
    uint8_t use; /* index among the view's uses */
    bool passes; /* the next rule gives the way */
};
/* Addresses of a view, and their entry. */
struct stretch {
    u128 lo, hi;
    uint32_t entry;
};
struct stretches {
    struct stretch *v;
    uint32_t count;
};

static u128 route_address(const struct route *x)
{
    if (x->family == 4) return x->to[0];
    return (u128)((uint64_t)x->to[0] << 32 | x->to[1]) << 64 | ((uint64_t)x->to[2] << 32 | x->to[3]);
}

static struct span route_span(const struct route *x, uint8_t use)
{
    const unsigned all = x->family == 4 ? 32 : 128, free_bits = all - x->bits;
    const u128 free_mask = free_bits == 128 ? ~(u128)0 : ((u128)1 << free_bits) - 1, lo = route_address(x) & ~free_mask;
    return (struct span){.lo = lo, .hi = lo | free_mask, .route = x, .way = x->way, .use = use};
}

/* Order outer spans before inner ones, equal ones by use, then higher metrics first, then later routes first: the
 * route that counts comes last. */
static int span_order(const void *pa, const void *pb)
{
    const struct span *a = pa, *b = pb;
    if (a->lo != b->lo) return a->lo < b->lo ? -1 : 1;
    if (a->hi != b->hi) return a->hi > b->hi ? -1 : 1;
    if (a->use != b->use) return a->use < b->use ? -1 : 1;
    if (a->route->metric != b->route->metric) return a->route->metric > b->route->metric ? -1 : 1;
    return a->route > b->route ? -1 : a->route < b->route;
}

enum { NOTHING = -1 };
#define NO_ENTRY UINT32_MAX

/* A prefix that holds the current addresses. */
struct open {
    u128 lo, hi;
    uint32_t metric, way, entry; /* entry: the result here, by all open prefixes */
    int32_t outer;               /* the next outer one of the same use */
    uint8_t use;
    bool passes;
};
struct cutter {
    u128 at; /* all addresses below are cut */
    bool ended;
    const struct policy_use *uses[POLICY_USES]; /* uses of the view, in order */
    int32_t inner[POLICY_USES];                 /* innermost open one of each use */
    unsigned uses_count;
    const struct routes_said *said;
    struct open *open; /* open prefixes, with room for each length of each use */
    int32_t depth;
    struct stretch *stretches; /* room for two stretches per prefix, and one more */
    uint32_t count;
};

/* Cut up to hi, for the innermost open prefix. */
static void cut_up_to(struct cutter *c, u128 hi)
{
    const uint32_t entry = c->open[c->depth - 1].entry;
    struct stretch *last = c->count ? &c->stretches[c->count - 1] : NULL;
    if (c->ended || c->at > hi) return;
    if (last && last->entry == entry && last->hi + 1 == c->at)
        last->hi = hi;
    else if (entry != NO_ENTRY)
        c->stretches[c->count++] = (struct stretch){c->at, hi, entry};
    c->at = hi + 1;
    c->ended = c->at == 0;
}

/* Return the entry by all open prefixes. */
static uint32_t entry_of_open(const struct cutter *c)
{
    for (unsigned i = 0; i < c->uses_count; i++) {
        const struct open *x = c->inner[i] == NOTHING ? NULL : &c->open[c->inner[i]];
        if (x && !x->passes) return (uint32_t)c->uses[i]->rank << ROUTE_RANK_SHIFT | x->way;
    }
    return NO_ENTRY;
}

/* True if the ways lead by the same legs: a list may repeat a route. */
static bool same_way(const struct routes_said *said, uint32_t a, uint32_t b)
{
    const struct route_way *x = &said->ways[a], *y = &said->ways[b];
    if (a == b) return true;
    return x->kind == y->kind && x->why == y->why && x->legs == y->legs &&
           !memcmp(said->legs + x->first, said->legs + y->first, x->legs * sizeof *said->legs);
}

/* Open a prefix inside the innermost open one, or in place of an equal one of the same use. */
static void open_one(struct cutter *c, const struct span *s)
{
    const struct open *top = c->depth ? &c->open[c->depth - 1] : NULL;
    const bool equal = top && top->lo == s->lo && top->hi == s->hi && top->use == s->use;
    const bool twice =
        equal && top->metric == s->route->metric && s->route->family == 6 && !same_way(c->said, top->way, s->way);
    const int32_t at = equal ? c->depth - 1 : c->depth++;
    struct open *new = &c->open[at];
    *new = (struct open){.lo = s->lo,
                         .hi = s->hi,
                         .metric = s->route->metric,
                         .way = twice ? 0 : s->way,
                         .outer = equal ? top->outer : c->inner[s->use],
                         .use = s->use,
                         .passes = s->passes && !twice};
    c->inner[s->use] = at;
    new->entry = entry_of_open(c);
}

/* Close the innermost open prefix. */
static void close_one(struct cutter *c)
{
    const struct open *x = &c->open[c->depth - 1];
    cut_up_to(c, x->hi);
    c->inner[x->use] = x->outer;
    c->depth--;
}

static void cut_all(struct cutter *c, const struct span *spans, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        while (c->depth && c->open[c->depth - 1].hi < spans[i].lo) close_one(c);
        if (c->depth && spans[i].lo) cut_up_to(c, spans[i].lo - 1);
        c->at = spans[i].lo;
        open_one(c, &spans[i]);
    }
    while (c->depth) close_one(c);
}

/* True if the use's table holds the route. */
static bool use_holds(const struct policy_use *u, const struct route *x, uint8_t family)
{
    return !u->refuses && x->family == family && x->table == u->table;
}

static uint32_t spans_count(const struct cutter *c, const struct routes_said *said, uint8_t family)
{
    uint32_t n = 0;
    for (unsigned k = 0; k < c->uses_count; k++) {
        n += c->uses[k]->refuses;
        for (uint32_t i = 0; i < said->count; i++) n += use_holds(c->uses[k], &said->routes[i], family);
    }
    return n;
}

/* Return the span of a route. Routes that refuse are not suppressed. */
static struct span span_used(const struct routes_said *said, const struct policy_use *u, const struct route *x,
                             uint8_t use)
{
    struct span s = route_span(x, use);
    const uint8_t kind = x->way < said->ways_count ? said->ways[x->way].kind : ROUTE_ASK;
    s.passes = kind == ROUTE_THROW || (kind != ROUTE_REFUSED && x->bits <= u->suppressed);
    return s;
}

/* Fill in the spans of the view. all: a route that refuses every address. */
static void fill_spans(const struct cutter *c, const struct routes_said *said, const struct route *all,
                       struct span *spans)
{
    uint32_t n = 0;
    for (unsigned k = 0; k < c->uses_count; k++) {
        if (c->uses[k]->refuses) spans[n++] = route_span(all, (uint8_t)k);
        for (uint32_t i = 0; i < said->count; i++)
            if (use_holds(c->uses[k], &said->routes[i], all->family))
                spans[n++] = span_used(said, c->uses[k], &said->routes[i], (uint8_t)k);
    }
    qsort(spans, n, sizeof *spans, span_order);
}

/* Cut one view of a family. False: out of memory. stretches->v: malloc'd. */
static bool stretches_of(const struct routes_said *said, const struct policy *p, unsigned view,
                         struct stretches *stretches)
{
    const struct route all = {.family = p->family, .way = said->ways_count};
    struct cutter c = {.said = said};
    for (unsigned i = 0; i < p->uses_count; i++)
        if (p->uses[i].view == view) c.uses[c.uses_count++] = &p->uses[i];
    for (unsigned i = 0; i < c.uses_count; i++) c.inner[i] = NOTHING;
    const uint32_t n = spans_count(&c, said, p->family);
    struct span *spans = malloc((n + (size_t)1) * sizeof *spans);
    c.stretches = malloc((2 * (size_t)n + 1) * sizeof *c.stretches);
    c.open = malloc((129 * (size_t)c.uses_count + 1) * sizeof *c.open);
    const bool room = spans && c.stretches && c.open;
    if (room) fill_spans(&c, said, &all, spans);
    if (room) cut_all(&c, spans, n);
    free(spans);
    free(c.open);
    *stretches = (struct stretches){c.stretches, c.count};
    return room;
}

/* A table while it is made. */
struct making {
    const struct routes_said *said;
    struct policy policy[2]; /* rules of IPv4, rules of IPv6 */
    struct stretches stretches[2][1 + ROUTE_VIEWS_MOST];
    unsigned views; /* including the view of the merged tables */
};

static void fill4(struct routes *r, const struct stretches *p, uint32_t *at)
{
    for (uint32_t i = 0; i < p->count; i++, ++*at) {
        r->range4[*at] = (struct pbc_range){(uint32_t)p->v[i].lo, (uint32_t)p->v[i].hi};
        r->way4[*at] = p->v[i].entry;
    }
}

static void fill6(struct routes *r, const struct stretches *p, uint32_t *at)
{
    for (uint32_t i = 0; i < p->count; i++, ++*at) {
        const struct stretch *x = &p->v[i];
        r->range6[*at] =
            (struct pbc_range6){(uint64_t)(x->lo >> 64), (uint64_t)x->lo, (uint64_t)(x->hi >> 64), (uint64_t)x->hi};
        r->way6[*at] = x->entry;
    }
}

static void routes_fill(struct routes *r, const struct making *m)
{
    const struct routes_said *said = m->said;
    uint32_t four = 0, six = 0;
    for (unsigned i = 0; i < m->views; i++) {
        r->views[i] = (struct route_view){four, m->stretches[0][i].count, six, m->stretches[1][i].count};
        fill4(r, &m->stretches[0][i], &four);
        fill6(r, &m->stretches[1][i], &six);
    }
    for (unsigned i = 0; i < 2; i++)
        memcpy(r->rules + (i ? r->size.rules4 : 0), m->policy[i].rules, m->policy[i].rules_count * sizeof *r->rules);
    if (said->ways_count) memcpy(r->ways, said->ways, said->ways_count * sizeof *r->ways);
    r->ways[said->ways_count].kind = ROUTE_REFUSED;
    if (said->legs_count) memcpy(r->legs, said->legs, said->legs_count * sizeof *r->legs);
    if (said->devices_count) memcpy(r->devices, said->devices, said->devices_count * sizeof *r->devices);
}

static bool prefixes_fit(const struct routes_said *said)
{
    for (uint32_t i = 0; i < said->count; i++) {
        const struct route *x = &said->routes[i];
        const unsigned most = x->family == 4 ? 32 : x->family == 6 ? 128 : 0;
        if (!most || x->bits > most || x->way >= said->ways_count) return false;
    }
    return true;
}

/* Cut all views. Return the table's size in *size. */
static bool cut_views(struct making *m, struct routes_size *size)
{
    const struct routes_said *said = m->said;
    policy_make(&m->policy[0], said, 4, 1);
    policy_make(&m->policy[1], said, 6, 1 + m->policy[0].views);
    m->views = 1 + m->policy[0].views + m->policy[1].views;
    *size = (struct routes_size){.ways = said->ways_count + 1,
                                 .legs = said->legs_count,
                                 .rules4 = m->policy[0].rules_count,
                                 .rules6 = m->policy[1].rules_count,
                                 .views = m->views,
                                 .devices = said->devices_count};
    for (unsigned i = 0; i < m->views; i++) {
        if (!stretches_of(said, &m->policy[0], i, &m->stretches[0][i])) return false;
        if (!stretches_of(said, &m->policy[1], i, &m->stretches[1][i])) return false;
        size->ranges4 += m->stretches[0][i].count;
        size->ranges6 += m->stretches[1][i].count;
    }
    return true;
}

static void making_free(struct making *m)
{
    for (unsigned i = 0; i <= ROUTE_VIEWS_MOST; i++) {
        free(m->stretches[0][i].v);
        free(m->stretches[1][i].v);
    }
    free(m);
}

struct routes *routes_new(const struct routes_said *said, unsigned ports)
{
    struct making *m = calloc(1, sizeof *m);
    struct routes_size size;
    struct routes *r = NULL;
    if (!m) return NULL;
    m->said = said;
    if (prefixes_fit(said) && cut_views(m, &size)) r = routes_alloc(&size);
    if (r) routes_fill(r, m);
    making_free(m);
    if (!r || !routes_close(r, ports)) return r;
    routes_put(r);
    return NULL;
}
