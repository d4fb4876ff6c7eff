/* Report endpoints that newly reach servers: ways that only one side has (side_ways.c), grouped by endpoint, each with
 * an example. The firewall counts only for the example. */
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "compiler/analysis/diff/side_ways.h"
#include "compiler/analysis/sample/sample.h"
#include "lang/heap.h"

enum { SERVERS_SHOWN = 8, ENDPOINTS_SHOWN = 4, SAMPLES_TRIED = 32, PRODUCTS_TRIED = 4 };

/* Ways of one endpoint that only one side has */
struct group {
    const struct way *w;
    uint32_t count;
};

static bool sent_to(const struct program *p, const struct verdict *v, const struct group *g)
{
    if (v->action == ACTION_DROP || v->action == ACTION_REJECT) return false;
    if (g->w->service == PBC_NONE || v->server == PBC_NONE) return v->service == g->w->service;
    const struct pbc_server *s = &p->servers[v->server];
    for (uint32_t i = 0; i < g->count; i++)
        if (s->family == g->w[i].family && memcmp(s->addr, g->w[i].addr, sizeof(s->addr)) == 0) return true;
    return false;
}

static char *packet_text(struct diff *d, const struct frame_spec *packet)
{
    struct words w;
    frame_print(&d->c, packet, words_begin(&w));
    return words_kept(d, &w);
}

/* True if the rules let the packet in. Rules are cheap to ask; the whole program needs a state for each packet. */
static bool lets_in(const struct side *s, const struct frame_spec *packet, const struct facts *self, uint32_t schedules)
{
    const bool keeps = s->program->meta->flags & PBC_KEEPS_FLOWS;
    const struct decision d =
        sample_decide(s->program, packet, self, schedules, keeps ? (uint32_t)MARK_NEW : (uint32_t)MARK_NONE);
    return d.action != ACTION_DROP && d.action != ACTION_REJECT;
}

/* Return a packet of the product that the side sends to one of the group's servers, as text. */
static char *example_in(struct diff *d, unsigned side, const struct group *g, const struct ir_product *p,
                        struct sample_vm **vm)
{
    const struct side *s = &d->side[side];
    /* maps, and services in the wire, take no packets for this machine itself */
    const uint8_t dir = g->w->len || g->w->from.wire ? PBC_DIR_FORWARD : PBC_DIR_IN;
    const struct facts *self = sample_self(&d->c, p, dir, own_default());
    uint32_t times = 0;
    if (!self || !time_of(d, p, &times)) return NULL;
    for (unsigned i = 0; i < SAMPLES_TRIED; i++) {
        struct frame_spec packet;
        struct verdict v;
        if (!sample_packet(&d->c, p, dir, self, i, &packet)) return NULL;
        const struct frame_spec judged = side_packet(d->c.image, s, &packet);
        if (!lets_in(s, &judged, self, side_schedules(s, times))) continue;
        if (!*vm) *vm = sample_vm_new(s->program);
        sample_vm_judge(*vm, &judged, self, side_schedules(s, times), &v);
        if (sent_to(s->program, &v, g)) return packet_text(d, &packet);
    }
    return NULL;
}

/* Return an example by one of the service's branches, or by the forward. */
static char *example_of(struct diff *d, unsigned side, const struct group *g, struct sample_vm **vm)
{
    const struct program *p = d->side[side].program;
    struct ir_product all = endpoint_opened(&d->c, &g->w->from);
    char *found = NULL;
    all.field[IR_IFACE] = g->w->ifaces;
    all.field[IR_SRC] = g->w->sources;
    if (g->w->service == PBC_NONE) return example_in(d, side, g, &all, vm);
    const struct pbc_service *v = &p->services[g->w->service];
    for (uint32_t i = v->branches; i < v->branches + v->branch_count && !found; i++) {
        const struct pbc_branch *b = &p->branches[i];
        struct ir_product when, both = all;
        bool loose = false;
        if (b->cond_count && !v->proxy) {
            normal_when(&d->c, d->side[side].conds + b->conds, b->cond_count, &when);
            if (!product_and(d->c.ir, &all, &when, &both, &loose)) continue;
        }
        found = example_in(d, side, g, &both, vm);
    }
    return found;
}

char *reach_example(struct diff *d, unsigned side, uint32_t service, uint32_t pool, const struct region *of)
{
    const struct program *p = d->side[side].program;
    const struct pbc_service *v = &p->services[service];
    const struct pbc_pool none = {0}, *to = pool == PBC_NONE ? &none : &p->pools[pool];
    struct way *w = heap_zeroed((size_t)to->server_count + 1, sizeof(*w));
    const struct group g = {w, to->server_count};
    struct sample_vm *vm = NULL;
    char *found = NULL;
    for (uint32_t i = 0; i < to->server_count; i++) {
        w[i].family = p->servers[to->servers + i].family;
        memcpy(w[i].addr, p->servers[to->servers + i].addr, sizeof(w[i].addr));
    }
    w->service = service;
    w->from.wire = p->endpoints[v->endpoints].wire;
    for (uint32_t e = 0; e < v->endpoint_count && e < PRODUCTS_TRIED && !found; e++)
        for (uint32_t i = 0; i < of->count && i < PRODUCTS_TRIED && !found; i++) {
            const struct pbc_endpoint from = side_endpoint(&d->side[side], v->endpoints + e);
            const struct ir_product at = endpoint_opened(&d->c, &from);
            struct ir_product both;
            bool loose = false;
            if (product_and(d->c.ir, &at, &of->p[i], &both, &loose)) found = example_in(d, side, &g, &both, &vm);
        }
    sample_vm_free(vm);
    free(w);
    return found;
}

static void put_target(const struct way *w, FILE *out)
{
    const uint16_t port = w->fixed ? w->port : w->port ? (uint16_t)(w->from.port_lo + w->port) : 0;
    if (w->pool) fprintf(out, "%s/%s ", w->pool, w->server);
    if (w->host)
        put_host_port(w->host, port, out);
    else if (w->len)
        put_prefix(w->addr, w->family, w->len, out);
    else
        put_address_port(w->addr, w->family, port, out);
    if (!w->fixed && port && w->from.port_hi > w->from.port_lo) fputs(" and up", out);
}

static char *text_of_targets(struct diff *d, const struct group *g)
{
    struct words w;
    FILE *out = words_begin(&w);
    for (uint32_t i = 0; i < g->count && i < SERVERS_SHOWN; i++) {
        if (i) fputs(", ", out);
        put_target(&g->w[i], out);
    }
    if (g->count > SERVERS_SHOWN) fprintf(out, " and %u more", g->count - SERVERS_SHOWN);
    return words_kept(d, &w);
}

static void put_from(const struct diff *d, const struct way *w, FILE *out)
{
    const struct ir_product p = {.field = {[IR_IFACE] = w->ifaces, [IR_SRC] = w->sources}};
    if (w->len) {
        put_prefix(w->from.addr, w->family, w->len, out);
    } else {
        put_endpoint(d->side[NEW].program, &w->from, out); /* the interface is in `ifaces` */
    }
    region_text_whence(&d->text, &p, w->family == 4 ? IR_V4 : IR_V6, out);
}

static char *text_of_endpoint(struct diff *d, const struct way *w)
{
    struct words text;
    put_from(d, w, words_begin(&text));
    return words_kept(d, &text);
}

/* True if both groups have the same servers. False if a server's port depends on the endpoint's port. */
static bool same_targets(const struct group *a, const struct group *b)
{
    if (a->count != b->count || a->w->by != b->w->by) return false;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct way *x = &a->w[i], *y = &b->w[i];
        if (way_server_order(x, y) || (!x->fixed && x->port)) return false;
    }
    return true;
}

static void add_reach(struct diff *d, unsigned side, const struct group *g, struct reaches *to, struct sample_vm **vm)
{
    to->r = heap_grown(to->r, (size_t)to->count + 1, sizeof(*to->r), &to->cap);
    to->r[to->count++] = (struct reach){.kind = side == NEW ? DIFF_WIDENED : DIFF_NARROWED,
                                        .what = g->w->service == PBC_NONE ? "nat" : "service",
                                        .by = g->w->by,
                                        .to = text_of_endpoint(d, g->w),
                                        .servers = text_of_targets(d, g),
                                        .endpoints = 1};
    if (to->count <= EXAMPLES_MOST) to->r[to->count - 1].example = example_of(d, side, g, vm);
}

/* Add another endpoint with the same servers to the report before. */
static void join_endpoint(struct diff *d, struct reach *r, const struct group *g)
{
    struct words w;
    FILE *out = words_begin(&w);
    fputs(r->to, out);
    if (++r->endpoints > ENDPOINTS_SHOWN) {
        r->more++;
    } else {
        fputs(", ", out);
        put_from(d, g->w, out);
    }
    r->to = words_kept(d, &w);
}

static bool one_endpoint(const struct way *a, const struct way *b)
{
    return a->by == b->by && a->ifaces == b->ifaces && a->sources == b->sources && a->len == b->len &&
           memcmp(&a->from, &b->from, sizeof(a->from)) == 0;
}

/* Report ways of `side` that the other side lacks, grouped by endpoint. */
static void compare_side(struct diff *d, unsigned side, const struct side_ways ways[SIDES], struct reaches *to)
{
    const struct ways *own = &ways[side].ways;
    struct group last = {0};
    struct ways alone = {0};
    struct sample_vm *vm = NULL; /* made for the side's first example */
    for (uint32_t i = 0; i < own->count; i++) ways_alone(d, &own->w[i], &ways[!side], &alone);
    to->too_many |= alone.too_many;
    for (uint32_t i = 0, end; i < alone.count; i = end) {
        for (end = i + 1; end < alone.count && one_endpoint(&alone.w[end], &alone.w[i]);) end++;
        const struct group g = {alone.w + i, end - i};
        if (last.count && same_targets(&last, &g))
            join_endpoint(d, &to->r[to->count - 1], &g);
        else
            add_reach(d, side, &g, to, &vm);
        last = g;
    }
    free(alone.w);
    sample_vm_free(vm);
}

void find_reaches(struct diff *d, struct reaches *to)
{
    struct side_ways ways[SIDES];
    *to = (struct reaches){0};
    for (unsigned s = 0; s < SIDES; s++) {
        ways_gather(d, s, &ways[s]);
        to->too_many |= ways[s].ways.too_many;
    }
    if (!to->too_many) {
        compare_side(d, NEW, ways, to);
        compare_side(d, OLD, ways, to);
    }
    for (unsigned s = 0; s < SIDES; s++) side_ways_fini(&ways[s]);
}
