/* Check the places of `out on`: firewalls for packets that cross this machine or that it sends, and chains that only
 * these reach. Packets for this machine leave by no interface. */
#include "compiler/resolve/resolve.h"

/* Chains that a firewall reaches, each visited once */
struct reach {
    struct compile *c;
    const struct pbc_firewall *from;
    uint32_t *seen;  /* by chain: 1 + the last firewall that reached it */
    uint32_t *queue; /* chains to visit */
    uint32_t count;
    bool *told; /* by condition: already reported */
};

static void report_way(struct reach *r, uint32_t cond)
{
    struct compile *c = r->c;
    const struct span span = c->image->cond_span[cond];
    const char *name = image_str(c->image, r->from->name);
    r->told[cond] = true;
    diag(c->diags, E_OUT_ON, span, "`out on` is about leaving packets, but `%s` judges arriving packets", name);
    diag_advise(c->diags, "use `out on` in a `firewall NAME forward` (forwarded packets) or `firewall NAME out` "
                          "(packets from this machine)");
    diag_note(c->diags, c->image->firewall_span[r->from - c->image->firewalls], "`%s` is declared here", name);
}

/* Report conditions with `out on` in a list of rules, and queue the chains that it calls. */
static void look_at(struct reach *r, const bool *asks, uint32_t firewall, uint32_t first, uint32_t count)
{
    const struct image *img = r->c->image;
    for (uint32_t i = first; i < first + count; i++) {
        const struct pbc_rule *rule = &img->rules[i];
        for (uint32_t k = rule->conds; k < rule->conds + rule->cond_count; k++)
            if (asks[k] && !r->told[k]) report_way(r, k);
        if (rule->chain == PBC_NONE || r->seen[rule->chain] == firewall + 1) continue;
        r->seen[rule->chain] = firewall + 1;
        r->queue[r->count++] = rule->chain;
    }
}

void check_ways_out(struct compile *c)
{
    const struct image *img = c->image;
    bool *asks;
    if (!c->outs) return;
    asks = arena_alloc(c->arena, img->conds_count + 1);
    struct reach r = {.c = c,
                      .seen = arena_alloc(c->arena, ((size_t)img->chains_count + 1) * sizeof(*r.seen)),
                      .queue = arena_alloc(c->arena, ((size_t)img->chains_count + 1) * sizeof(*r.queue)),
                      .told = arena_alloc(c->arena, img->conds_count + 1)};
    for (const struct out_on *o = c->outs; o; o = o->next)
        if (o->cond < img->conds_count) asks[o->cond] = true;
    for (uint32_t f = 0; f < img->firewalls_count; f++) {
        r.from = &img->firewalls[f];
        r.count = 0;
        if (r.from->direction == PBC_DIR_OUT || r.from->direction == PBC_DIR_FORWARD ||
            img->firewall_span[f].file == UINT32_MAX)
            continue;
        look_at(&r, asks, f, r.from->rules, r.from->rule_count);
        for (uint32_t i = 0; i < r.count; i++) {
            const struct pbc_chain *chain = &img->chains[r.queue[i]];
            look_at(&r, asks, f, chain->rules, chain->rule_count);
        }
    }
}
