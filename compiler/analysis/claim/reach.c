/* Decide `never pool P: CLAIM`: find packets that the firewall lets in and that a service may send to the pool.
 * Conditions on first bytes may hold or not, so a `when` with such conditions takes some connections and leaves
 * some. The region is never too small; the program then shows whether a packet of it gets there. */
#include <stdlib.h>

#include "compiler/analysis/claim/claim.h"
#include "compiler/normal/normal.h"
#include "lang/heap.h"
#include "vm/judge/decide.h"

struct ir_product claim_taken_by(struct compile *c, const struct pbc_endpoint *e)
{
    struct ir_product p = endpoint_opened(c, e);
    p.field[IR_STATE] = IR_ALL;
    if (e->to == PBC_TO_SELF) p.field[IR_DST] = IR_EMPTY;
    return p;
}

static bool may_lead(const struct image *img, const struct pbc_branch *b, uint32_t pool)
{
    for (uint32_t i = 0; i < branch_shares(b); i++)
        if (img->shares[b->shares + i].pool == pool) return true;
    return false;
}

/* Send packets down the branches of the service, up to the first branch that takes all of them. */
static void by_branches(struct compile *c, const struct pbc_service *s, uint32_t pool, struct region *here,
                        struct region_budget *budget, struct region *out)
{
    const struct image *img = c->image;
    for (uint32_t n = s->branches; n < s->branches + s->branch_count && here->count && !budget->spent; n++) {
        const struct pbc_branch *b = &img->branches[n];
        const uint32_t keyed = s->proxy ? stream_keyed(img->conds + b->conds, b->cond_count) : b->cond_count;
        struct ir_product when;
        normal_when(c, b->conds, keyed, &when);
        region_spend(budget, 1 + here->count);
        for (uint32_t i = 0; i < here->count && may_lead(img, b, pool); i++)
            region_add_both(c->ir, &here->p[i], &when, out);
        if (keyed == b->cond_count && product_is_plain(c->ir, &when)) region_minus(c->ir, here, &when, budget);
    }
}

void claim_reaches(struct compile *c, const struct ir_product *product, uint32_t pool, struct region_budget *budget,
                   struct region *out)
{
    const struct image *img = c->image;
    for (uint32_t e = 0; e < img->endpoints_count && !budget->spent; e++) {
        const struct pbc_service *s = &img->services[img->endpoints[e].service];
        const struct ir_product p = claim_taken_by(c, &img->endpoints[e]);
        struct region here;
        bool leads = false;
        for (uint32_t b = s->branches; b < s->branches + s->branch_count && !leads; b++)
            leads = may_lead(img, &img->branches[b], pool);
        region_spend(budget, 1);
        if (!leads) continue;
        region_init(&here);
        region_add_both(c->ir, product, &p, &here);
        by_branches(c, s, pool, &here, budget, out);
        region_fini(&here);
    }
}

static bool branch_leads(const struct program *p, uint32_t branch, uint32_t pool)
{
    const struct pbc_branch *b = &p->branches[branch];
    if (pool == PBC_ORIGINAL) return branch_goes_on(b);
    for (uint32_t i = 0; i < branch_shares(b); i++)
        if (p->shares[b->shares + i].pool == pool) return true;
    return false;
}

static bool keyed_holds(const struct program *p, const struct pbc_branch *b, uint32_t keyed, const struct key *key)
{
    for (uint32_t i = b->conds; i < b->conds + keyed; i++)
        if (!cond_match(p, &p->conds[i], key, NULL)) return false;
    return true;
}

/* Skip *nth branches to the pool, and return the next one. If there is none, return PBC_NONE, with *nth reduced by the
 * number of such branches. */
static uint32_t leading(const struct program *p, const struct pbc_service *s, const struct key *key, uint32_t pool,
                        uint32_t *nth)
{
    for (uint32_t at = s->branches; at < s->branches + s->branch_count; at++) {
        const struct pbc_branch *b = &p->branches[at];
        const uint32_t keyed = stream_keyed(p->conds + b->conds, b->cond_count);
        if (!keyed_holds(p, b, keyed, key)) continue;
        if (branch_leads(p, at, pool) && !(*nth)--) return at;
        if (keyed == b->cond_count) break; /* the branch takes every connection that reaches it */
    }
    return PBC_NONE;
}

uint32_t stream_branch_to(const struct program *p, uint32_t service, const struct key *key, uint32_t pool,
                          uint32_t turn)
{
    uint32_t nth = UINT32_MAX;
    leading(p, &p->services[service], key, pool, &nth);
    const uint32_t count = UINT32_MAX - nth;
    if (!count) return PBC_NONE;
    nth = turn % count;
    return leading(p, &p->services[service], key, pool, &nth);
}

uint32_t claim_sent(struct program *p, const struct frame_spec *packet, const struct facts *own, uint32_t schedules,
                    uint32_t pool)
{
    uint8_t *frame = heap_resized(NULL, FRAME_MOST, 1);
    struct facts facts = *own;
    struct pkt pkt;
    struct key key;
    uint32_t sent = PBC_NONE;
    facts.generation = 1;
    facts.schedules = schedules;
    if (sample_parse(p, packet, &facts, frame, &pkt, &key)) {
        const uint32_t branch = program_serve(p, &key, &pkt);
        const uint32_t service = branch < p->branches_count ? p->branches[branch].service : PBC_NONE;
        if (service != PBC_NONE && p->services[service].proxy)
            sent = stream_branch_to(p, service, &key, pool, 0);
        else if (service != PBC_NONE && branch_leads(p, branch, pool))
            sent = branch;
    }
    free(frame);
    return sent;
}
