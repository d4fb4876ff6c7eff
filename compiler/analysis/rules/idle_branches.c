/* Warn about a `when` that no packet of its service takes, or no connection that it observes. Its conditions exclude
 * each other or the service's packets, or earlier branches take all of them. Warn also about a proxy service that
 * takes nothing beyond its `when`s. Certain, or silent. */
#include <string.h>

#include "compiler/normal/normal.h"
#include "compiler/normal/region.h"
#include "compiler/resolve/services/service_work.h"
#include "vm/judge/decide.h"
#include "vm/program/program.h"

enum { WORK_MAX = 1 << 14, PARTS_MAX = 64, BRANCHES_MAX = 256 };

/* A branch of a service, or of one that observes */
struct when {
    uint32_t conds, cond_count;
    struct pbc_place place;
};

/* All branches of a service */
struct whens {
    const struct pbc_service *service; /* NULL: it observes */
    uint32_t observe;                  /* index in OBSERVES, without a service */
    bool stream;                       /* first bytes are asked for */
    const struct when *at;
    struct ir_product *product; /* conditions of each branch on packets */
};

/* Add the packets of an endpoint that the branch asks for, not only those that open a connection. */
static void take_endpoint(struct compile *c, const struct pbc_endpoint *e, const struct ir_product *when,
                          struct region *out)
{
    struct ir_product served = endpoint_opened(c, e), both;
    bool loose = false;
    served.field[IR_STATE] = IR_ALL;
    if (product_and(c->ir, when, &served, &both, &loose)) region_add(out, loose ? when : &both);
}

/* Add all packets of the service that its n-th branch asks for. */
static void taken(struct compile *c, const struct whens *w, uint32_t n, struct region *out)
{
    const struct image *img = c->image;
    const struct pbc_service *s = w->service;
    for (uint32_t e = s ? s->endpoints : 0; s && e < s->endpoints + s->endpoint_count; e++)
        take_endpoint(c, &img->endpoints[e], &w->product[n], out);
    for (uint32_t e = 0; !s && e < img->observe_endpoints_count; e++)
        if (img->observe_endpoints[e].service == w->observe)
            take_endpoint(c, &img->observe_endpoints[e], &w->product[n], out);
}

static struct span branch_span(struct compile *c, const struct when *b) { return span_at(c, &b->place); }

static bool covers_name(const char *by, const char *name, bool hosts)
{
    return strcmp(by, name) == 0 || (hosts ? host_covers(by, name) : text_covers(by, name));
}

/* True if list `a` holds all of list `b`. */
static bool list_within(const struct image *img, uint32_t b, uint32_t a)
{
    const struct pbc_names *in = &img->names[b], *of = &img->names[a];
    if (in->kind != of->kind || (uint64_t)in->count * of->count > WORK_MAX) return false;
    for (uint32_t i = 0; i < in->count; i++) {
        bool there = false;
        for (uint32_t k = 0; k < of->count && !there; k++)
            there = covers_name(image_str(img, img->hosts[of->first + k]), image_str(img, img->hosts[in->first + i]),
                                in->kind == PBC_NAMES_HOSTS);
        if (!there) return false;
    }
    return true;
}

static bool range_within(const struct image *img, const struct pbc_cond *of, bool v6, uint32_t r)
{
    for (uint32_t i = of->first; i < of->first + of->count; i++) {
        const struct pbc_set *s = &img->sets[i];
        for (uint32_t k = s->first4; !v6 && k < s->first4 + s->count4; k++)
            if (img->set4[k].lo <= img->set4[r].lo && img->set4[r].hi <= img->set4[k].hi) return true;
        for (uint32_t k = s->first6; v6 && k < s->first6 + s->count6; k++) {
            const struct addr_span by = span6(&img->set6[k]), in = span6(&img->set6[r]);
            if (by.lo <= in.lo && in.hi <= by.hi) return true;
        }
    }
    return false;
}

static uint64_t ranges(const struct image *img, const struct pbc_cond *c)
{
    uint64_t n = 0;
    for (uint32_t i = c->first; i < c->first + c->count; i++) n += img->sets[i].count4 + img->sets[i].count6;
    return n;
}

/* True if the sets of `a` hold each address of the sets of `b`. */
static bool sets_within(const struct image *img, const struct pbc_cond *b, const struct pbc_cond *a)
{
    if ((a->flags | b->flags) & PBC_COND_LIVE) return a->first == b->first && a->count == b->count;
    if (ranges(img, a) * ranges(img, b) > WORK_MAX) return false;
    for (uint32_t i = b->first; i < b->first + b->count; i++) {
        const struct pbc_set *s = &img->sets[i];
        for (uint32_t r = s->first4; r < s->first4 + s->count4; r++)
            if (!range_within(img, a, false, r)) return false;
        for (uint32_t r = s->first6; r < s->first6 + s->count6; r++)
            if (!range_within(img, a, true, r)) return false;
    }
    return true;
}

/* True if `b` asks for every byte of `a`, with the same value. */
static bool bytes_cover(const struct pbc_pattern *a, const struct pbc_pattern *b)
{
    if (a->is_not || b->is_not) return memcmp(a, b, sizeof(*a)) == 0;
    if (b->at > a->at || b->at + b->len < a->at + a->len) return false;
    for (unsigned i = 0; i < a->len; i++) {
        const unsigned k = i + a->at - b->at;
        if ((b->mask[k] & a->mask[i]) != a->mask[i] || (b->value[k] & a->mask[i]) != a->value[i]) return false;
    }
    return true;
}

/* True if `a` certainly holds whenever `b` does, for conditions on first bytes. */
static bool cond_covers(const struct image *img, const struct pbc_cond *a, const struct pbc_cond *b)
{
    if (a->kind != b->kind || (a->flags ^ b->flags) & PBC_COND_REPLY) return false;
    if (a->kind == COND_INSTRUCTION) {
        /* `not` without a set means any. */
        const bool not_a = a->flags & PBC_COND_NOT, not_b = b->flags & PBC_COND_NOT;
        if (not_a && !a->count) return true;
        if (not_a != not_b) return false;
        return not_a ? sets_within(img, a, b) : sets_within(img, b, a);
    }
    if (a->kind == COND_BYTES) return bytes_cover(&img->patterns[a->first], &img->patterns[b->first]);
    if (a->arg != b->arg || a->flags != b->flags) return false;
    return a->flags & PBC_COND_NOT ? list_within(img, a->first, b->first) : list_within(img, b->first, a->first);
}

/* True if all conditions of `a` on first bytes hold whenever `b` does. */
static bool stream_covers(const struct image *img, const struct when *a, const struct when *b)
{
    for (uint32_t i = a->conds; i < a->conds + a->cond_count; i++) {
        bool covered = !stream_asks(&img->conds[i]);
        for (uint32_t k = b->conds; k < b->conds + b->cond_count && !covered; k++)
            covered = cond_covers(img, &img->conds[i], &img->conds[k]);
        if (!covered) return false;
    }
    return true;
}

/* Return why the `when` never holds in its service: behind TLS, requests agree on HTTP/1.1. NULL: no reason. */
static const char *blind(const struct image *img, const struct pbc_service *s, const struct when *b)
{
    for (uint32_t i = b->conds; s && s->proxy && mode_is(s->mode, MODE_REQUESTS) && i < b->conds + b->cond_count; i++) {
        const struct pbc_cond *cond = &img->conds[i];
        bool has = false;
        if (cond->kind != COND_ALPN) continue;
        const struct pbc_names *l = &img->names[cond->first];
        for (uint32_t k = 0; k < l->count && !has; k++)
            has = covers_name(image_str(img, img->hosts[l->first + k]), "http/1.1", false);
        if (has == !!(cond->flags & PBC_COND_NOT)) return "`proxy http` accepts only \"http/1.1\"";
    }
    return NULL;
}

/* True if every `when` of the service asks for an instruction: other clients are not expected. */
static bool takes_instructions(const struct image *img, const struct pbc_service *s)
{
    for (uint32_t b = s->branches; b + 1 < s->branches + s->branch_count; b++) {
        const struct pbc_branch *of = &img->branches[b];
        bool asks = false;
        for (uint32_t i = of->conds; i < of->conds + of->cond_count && !asks; i++)
            asks = img->conds[i].kind == COND_INSTRUCTION;
        if (!asks) return false;
    }
    return true;
}

/* Warn about packets that reach the last branch of a service that has no `else`. */
static void warn_no_else(struct compile *c, const struct pbc_service *s, const struct when *b)
{
    const bool requests = mode_is(s->mode, MODE_REQUESTS);
    if (takes_instructions(c->image, s)) return;
    diag(c->diags, W_NO_ELSE, branch_span(c, b), "%s of `%s` that no `when` matches %s",
         requests ? "a request" : "a connection", image_str(c->image, s->name),
         requests ? "gets an error (503)" : "is closed");
    diag_advise(c->diags, "add `else -> POOL`");
}

static void check_branch(struct compile *c, const struct whens *w, uint32_t n)
{
    const struct when *b = &w->at[n];
    struct region_budget budget = {.work = WORK_MAX, .parts = PARTS_MAX};
    struct ir_product plain;
    struct region left;
    uint32_t last = PBC_NONE;
    region_init(&left);
    taken(c, w, n, &left);
    const bool never = left.count == 0;
    const char *why = blind(c->image, w->service, b);
    for (uint32_t i = 0; i < n && left.count && !budget.spent; i++) {
        if (w->stream && !stream_covers(c->image, &w->at[i], b)) continue;
        if (ir_is_empty(&w->product[i]) || !product_plain_beside(c->ir, &w->product[i], &w->product[n], &plain))
            continue;
        region_minus(c->ir, &left, &plain, &budget);
        last = i;
    }
    if (!b->cond_count) {
        if (!budget.spent && left.count) warn_no_else(c, w->service, b);
    } else if (why || (!budget.spent && never)) {
        diag(c->diags, W_CONTRADICTION, branch_span(c, b), "this `when` never matches: %s",
             why          ? why
             : w->service ? "no packet to the service meets its conditions"
                          : "no connection that the service observes meets its conditions");
    } else if (!budget.spent && left.count == 0) {
        diag(c->diags, W_SHADOWED, branch_span(c, b),
             "this `when` never matches: earlier conditions take all its connections");
        diag_note(c->diags, branch_span(c, &w->at[last]), "up to this `when`");
    }
    region_fini(&left);
}

/* Add the n-th branch of a service. */
static void add_when(struct compile *c, const struct whens *w, struct when *at, uint32_t n, const struct when *b)
{
    const bool keyed = w->stream && b->cond_count;
    at[n] = *b;
    normal_when(c, b->conds, keyed ? stream_keyed(c->image->conds + b->conds, b->cond_count) : b->cond_count,
                &w->product[n]);
}

void warn_idle_branches(struct compile *c)
{
    const struct image *img = c->image;
    struct when *at = arena_alloc(c->arena, BRANCHES_MAX * sizeof(*at));
    struct whens w = {.at = at, .product = arena_alloc(c->arena, BRANCHES_MAX * sizeof(*w.product))};
    for (uint32_t i = 0; i < img->services_count; i++) {
        const struct pbc_service *s = w.service = &img->services[i];
        w.stream = s->proxy;
        for (uint32_t n = 0; n < s->branch_count && n < BRANCHES_MAX; n++) {
            const struct pbc_branch *b = &img->branches[s->branches + n];
            add_when(c, &w, at, n, &(struct when){b->conds, b->cond_count, b->place});
            if (b->cond_count || (s->proxy && n && branch_goes(b) == PBC_GOES_NOWHERE)) check_branch(c, &w, n);
        }
    }
    w.service = NULL;
    w.stream = true;
    for (w.observe = 0; w.observe < img->observes_count; w.observe++) {
        const struct pbc_observe *o = &img->observes[w.observe];
        for (uint32_t n = 0; n < o->choice_count && n < BRANCHES_MAX; n++) {
            const struct pbc_choice *x = &img->choices[o->choices + n];
            add_when(c, &w, at, n, &(struct when){x->conds, x->cond_count, x->place});
            if (x->cond_count) check_branch(c, &w, n);
        }
    }
}
