/* The warnings about a `when` that no packet of its service ever takes: its conditions exclude each other or what the
 * service serves, or those before it hold for all that it does. Certain or silent. */
#include <string.h>

#include "compiler/normal/normal.h"
#include "compiler/normal/region.h"
#include "compiler/resolve/service.h"
#include "vm/judge/stream.h"
#include "vm/program/hosts.h"
#include "vm/program/texts.h"

enum { WORK_MAX = 1 << 14, PIECES_MAX = 64, BRANCHES_MAX = 256 };

/* What of the service the branch asks for; all packets, not only those that open a connection. */
static void taken(struct compile *c, const struct pbc_service *s, const struct ir_product *when, struct region *out)
{
    for (uint32_t e = s->endpoints; e < s->endpoints + s->endpoint_count; e++) {
        struct ir_product served = endpoint_opened(c, &c->image->endpoints[e]), both;
        bool loose = false;

        served.field[IR_STATE] = IR_ALL;
        if (product_and(c->ir, when, &served, &both, &loose)) region_add(out, loose ? when : &both);
    }
}

static struct span span_of(struct compile *c, const struct pbc_branch *b) { return span_at(c, &b->place); }

static bool covers_name(const char *by, const char *name, bool hosts)
{
    return strcmp(by, name) == 0 || (hosts ? host_covers(by, name) : text_covers(by, name));
}

/* Is all that list `b` holds in list `a`? */
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

/* Wherever `b` holds, does `a`? Of conditions on first bytes; certain, or no. */
static bool cond_covers(const struct image *img, const struct pbc_cond *a, const struct pbc_cond *b)
{
    if (a->kind != b->kind || a->flags != b->flags) return false;
    if (a->kind == COND_BYTES || a->kind == COND_INSTRUCTION) return a->first == b->first && a->count == b->count;
    if (a->arg != b->arg) return false;
    return a->flags & PBC_COND_NOT ? list_within(img, a->first, b->first) : list_within(img, b->first, a->first);
}

/* All that the first bytes are asked by `a` holds wherever `b` does. */
static bool stream_covers(const struct image *img, const struct pbc_branch *a, const struct pbc_branch *b)
{
    for (uint32_t i = a->conds; i < a->conds + a->cond_count; i++) {
        bool covered = !stream_asks(&img->conds[i]);

        for (uint32_t k = b->conds; k < b->conds + b->cond_count && !covered; k++)
            covered = cond_covers(img, &img->conds[i], &img->conds[k]);
        if (!covered) return false;
    }
    return true;
}

static void check_branch(struct compile *c, const struct pbc_service *s, const struct ir_product *whens, uint32_t n)
{
    const struct pbc_branch *b = &c->image->branches[s->branches + n];
    struct region_budget budget = {.work = WORK_MAX, .pieces = PIECES_MAX};
    struct ir_product plain;
    struct region left;
    uint32_t last = PBC_NONE;

    region_init(&left);
    taken(c, s, &whens[n], &left);
    const bool never = left.count == 0;
    for (uint32_t i = 0; i < n && left.count && !budget.spent; i++) {
        if (s->proxy && !stream_covers(c->image, &c->image->branches[s->branches + i], b)) continue;
        if (ir_is_empty(&whens[i]) || !product_plain_beside(c->ir, &whens[i], &whens[n], &plain)) continue;
        region_minus(c->ir, &left, &plain, &budget);
        last = i;
    }
    if (!budget.spent && never) {
        diag(c->diags, W_CONTRADICTION, span_of(c, b),
             "this `when` never holds: no packet to the service meets its conditions");
    } else if (!budget.spent && left.count == 0) {
        diag(c->diags, W_SHADOWED, span_of(c, b),
             "this `when` is never reached: those before it take all that it could");
        diag_note(c->diags, span_of(c, &c->image->branches[s->branches + last]), "up to this one");
    }
    region_fini(&left);
}

void warn_idle_branches(struct compile *c)
{
    const struct image *img = c->image;
    struct ir_product *whens = arena_alloc(c->arena, BRANCHES_MAX * sizeof(*whens));

    for (uint32_t i = 0; i < img->services_count; i++) {
        const struct pbc_service *s = &img->services[i];

        for (uint32_t n = 0; n < s->branch_count && n < BRANCHES_MAX; n++) {
            const struct pbc_branch *b = &img->branches[s->branches + n];

            normal_when(c, b->conds, s->proxy ? stream_keyed(img->conds + b->conds, b->cond_count) : b->cond_count,
                        &whens[n]);
            if (b->cond_count) check_branch(c, s, whens, n);
        }
    }
}
