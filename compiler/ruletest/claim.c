/* Build claims (`never`, `always`) from the tree while names and values are known. Their conditions go into a
 * separate image, because no test changes the program. */
#include <string.h>

#include "compiler/analysis/claim/claim.h"
#include "compiler/ruletest/ruletest.h"
#include "vm/packet/key.h"

static const struct addr_set **sets_of(struct compile *c, const struct addr_list *list)
{
    const struct addr_set **sets = arena_alloc(c->arena, (list->big_count + 1) * sizeof(*sets));
    for (uint32_t i = 0; i < list->big_count; i++) sets[i] = &list->big[i]->set;
    return sets;
}

static void take_side(struct rule_work *w, const struct node *n, struct claim_side *side)
{
    struct addr_list list = {0};
    if (!n->first || !addr_list_of(w->c, n->first, &list)) {
        w->bad = true;
    } else {
        narrow_by_addresses(w, n, &list);
        *side = (struct claim_side){.own = claim_ranges(w->c, &list.set),
                                    .sets = sets_of(w->c, &list),
                                    .set_count = list.big_count,
                                    .any = list.any,
                                    .self = list.self,
                                    .negated = says_not(n)};
    }
    set_fini(&list.set);
}

static void take_states(struct rule_work *w, const struct node *n, struct claim *claim)
{
    struct image *img = w->c->image;
    const uint32_t before = img->conds_count;
    if (claim->states_written) {
        diag(w->c->diags, E_CONDITION_TWICE, n->span, "`state` is written twice in this claim");
        diag_advise(w->c->diags, "write one list: `state new, established`");
        w->bad = true;
        return;
    }
    cond_state(w, n);
    if (img->conds_count == before) return;
    const struct pbc_cond *cond = &img->conds[before];
    claim->states = cond->arg / MARK_NEW;
    if (cond->flags & PBC_COND_NOT) claim->states ^= MARK_STATES / MARK_NEW;
    claim->states_written = true;
    img->conds_count = before; /* a condition on states is not about the packet only */
}

/* Take the claim's verdict, pool or target; false after a report. */
static bool take_fate(struct compile *c, const struct node *fate, struct claim *claim)
{
    const char *why =
        is_choice(fate, CL_FORWARD)
            ? "claims about `forward` aren't supported yet; write `accept`, which includes `forward`"
        : is_choice(fate, CL_PASS)
            ? "claims about `pass` aren't supported yet; a packet with addresses is accepted, dropped or rejected"
            : NULL;
    claim->pool = PBC_NONE;
    claim->action = ACTION_ACCEPT;
    claim->reaches = fate->kind == N_CLAUSE;
    if (claim->reaches) return true;
    if (fate->kind == N_NAME) {
        const struct symbol *s = symbol_want(c, fate, SYM(POOL), "pool");
        if (s) claim->pool = s->index;
        return s && s->index != PBC_NONE;
    }
    claim->action = (uint8_t)test_action_of(fate);
    if (why) diag(c->diags, E_UNSUPPORTED, fate->span, "%s", why);
    return !why;
}

/* Add the ids of devices of that name or pattern. No rule distinguishes the devices of one id, so an id that also
 * holds other devices counts as meant, except after `not`. */
static void add_devices(struct rule_work *w, const struct iface_table *t, const char *device, bool negated,
                        struct number_set *ids)
{
    const uint32_t around = iface_match(t, device);
    const bool alone = around != PBC_NONE && strcmp(t->strings + t->ifaces[around].device, device) == 0;
    for (uint32_t i = 0; i < t->count; i++)
        if (iface_holds(device, t->strings + t->ifaces[i].device)) numbers_add(w->c, ids, i, i);
    if (negated && !alone) return;
    numbers_add(w->c, ids, around == PBC_NONE ? IFACE_OTHER : around, around == PBC_NONE ? IFACE_OTHER : around);
}

/* Add a condition on these interfaces; NULL if they are wrong. */
static struct pbc_cond *take_on(struct rule_work *w, const struct node *n, const struct image *program)
{
    const struct iface_table t = image_ifaces(program);
    struct number_set ids = {0};
    node_each(child, n)
    {
        const char *device = device_known(w->c, program, child);
        if (device)
            add_devices(w, &t, device, says_not(n), &ids);
        else
            w->bad = true;
    }
    numbers_normalise(&ids);
    struct pbc_cond *cond = w->bad ? NULL : cond_add(w, COND_ON, n);
    return cond && cond_ranges(w, cond, &ids) ? cond : NULL;
}

static void take_part(struct rule_work *w, const struct node *n, const struct image *program, struct claim *claim)
{
    w->seen[n->kind] = n;
    switch (n->kind) {
    case N_C_PROTO: cond_protocols(w, n); break;
    case N_C_PROTO_NUM: cond_proto_numbers(w, n); break;
    case N_C_PORT:
    case N_C_SPORT: cond_ports(w, n); break;
    case N_C_FROM: take_side(w, n, &claim->from); break;
    case N_C_TO: take_side(w, n, &claim->to); break;
    case N_C_ON:
        take_on(w, n, program);
        claim->arrives = true;
        break;
    default: break;
    }
}

/* Take the addresses and ports of `reach`; false after a report. */
static bool take_target(struct compile *c, const struct node *reach, struct claim *claim)
{
    struct rule_work w = {.c = c,
                          .node = reach,
                          .families = KIND_IP4 | KIND_IP6 | KIND_ARP | OTHER_FRAMES,
                          .protocols = KIND_WITH_PORTS | KIND_ICMP | KIND_ICMP6 | OTHER_PROTOCOLS};
    claim->target_conds = c->image->conds_count;
    node_each(n, reach)
    {
        if (n->kind == N_C_PORT)
            cond_ports(&w, n);
        else
            take_side(&w, n, &claim->target);
    }
    claim->target_cond_count = c->image->conds_count - claim->target_conds;
    return !w.bad;
}

/* True if the program changes destinations. */
static bool turns(const struct image *program)
{
    for (uint32_t i = 0; i < program->nats_count; i++)
        if (program->nats[i].kind == PBC_NAT_FORWARD || program->nats[i].kind == PBC_NAT_MAP) return true;
    return false;
}

/* Take the claim's packets. c->image is the image of claims here, `program` the program's. False after a report. */
static bool take_claim(struct compile *c, const struct image *program, const struct node *first,
                       const struct node *parts, struct claim *claim)
{
    struct rule_work w = {.c = c,
                          .node = parts,
                          .families = KIND_IP4 | KIND_IP6 | KIND_ARP | OTHER_FRAMES,
                          .protocols = KIND_WITH_PORTS | KIND_ICMP | KIND_ICMP6 | OTHER_PROTOCOLS};
    for (const struct node *n = first; n != parts; n = n->next)
        if (n->kind != N_C_OVER) {
            take_states(&w, n, claim);
        } else {
            const struct symbol *s = symbol_want(w.c, n->first, SYM(METER), "meter");
            if (s && s->index != PBC_NONE)
                claim->over[claim->over_count++] = s->index;
            else
                w.bad = true;
        }
    claim->conds = c->image->conds_count;
    node_each(n, parts) take_part(&w, n, program, claim);
    claim->cond_count = c->image->conds_count - claim->conds;
    node_each(n, parts) if (n->kind == N_C_OUT_ON) claim->leaves = take_on(&w, n, program);
    if (!w.bad) check_together(&w);
    claim->told = w.never;
    return !w.bad;
}

/* True if the claim names destinations and states that new packets to them are not let in. */
static bool is_about_going(const struct claim *claim)
{
    const bool keeps_out = claim->always == (claim->action != ACTION_ACCEPT);
    return keeps_out && claim->pool == PBC_NONE && !claim->reaches && !claim->told && !claim->to.any &&
           !claim->to.negated && !claim->leaves && claim->states == 1u << STATE_IS_NEW;
}

/* Return the claim that packets like these never reach the claim's destination, wherever addressed; NULL: no room. */
static struct claim *beyond_of(struct compile *c, const struct claim *claim)
{
    struct claim *beyond = arena_alloc(c->arena, sizeof(*beyond));
    struct image *img = c->image;
    *beyond = *claim;
    beyond->always = false;
    beyond->action = ACTION_ACCEPT;
    beyond->reaches = true;
    beyond->target = claim->to;
    beyond->to = (struct claim_side){.any = true};
    beyond->conds = img->conds_count;
    beyond->target_cond_count = 0;
    for (uint32_t i = claim->conds; i < claim->conds + claim->cond_count; i++) {
        const struct pbc_cond one = img->conds[i];
        if (one.kind == COND_PORT) {
            beyond->target_conds = i;
            beyond->target_cond_count = 1;
            continue;
        }
        struct pbc_cond *copy = image_add_conds(img);
        if (!copy) return NULL;
        *copy = one;
        img->cond_span[img->conds_count - 1] = img->cond_span[i];
    }
    beyond->cond_count = img->conds_count - beyond->conds;
    return beyond;
}

bool test_claim_step(struct compile *c, struct test *t, const struct node *n)
{
    struct test_step *s = test_step_add(c, t, STEP_CLAIM, span_of(n, n->first));
    struct claim *claim = arena_alloc(c->arena, sizeof(*claim));
    struct image *program = c->image;
    claim->always = clause_of(n) == CL_ALWAYS;
    claim->states = 1u << STATE_IS_NEW;
    claim->over = arena_alloc(c->arena, node_count(n) * sizeof(*claim->over));
    claim->own = t->self_written ? t->self : NULL;
    claim->span = s->span;
    claim->test = t->name.s;
    s->claim = claim;
    if (!take_fate(c, n->first, claim)) {
        mark_names_used(c, n);
        return false;
    }
    if (!c->claims) c->claims = image_new();
    c->image = c->claims;
    const bool good =
        (!claim->reaches || take_target(c, n->first, claim)) && take_claim(c, program, n->first->next, n->last, claim);
    if (good && is_about_going(claim) && turns(program)) claim->beyond = beyond_of(c, claim);
    c->image = program;
    return good;
}
