/* The layout of functions. A chain is in its callers if that takes fewer instructions than a function and its calls.
 * Calls nest at most PBC_CALL_DEPTH deep while chains may nest PBC_CHAIN_DEPTH deep. If they don't fit, the chains
 * of some heights are flattened, that is, written into their callers whatever their size. This is done one height
 * after another, each time with the height that adds the fewest rules. Other bounds limit the size: a firewall's
 * rules with its chains counted at each `do` (E0614), the longest path (E0591), and the instructions (E0592). */
#include "compiler/code/plan.h"

#include <string.h>

enum {
    IN_LINE_MAX = PBC_BLOCK_RULES - 1, /* most rules of a chain in line by choice, to fit into a block with its `do` */
    CALL_INSNS = 2,                    /* the call, and the look at the result */
    SIZE_MAX_RULES = 1 << 28,          /* bound of a list's size, far above what one image holds */
};

struct list *plan_firewall(const struct plan *plan, uint32_t firewall) { return &plan->lists[firewall]; }

struct list *plan_chain(const struct plan *plan, uint32_t chain)
{
    return &plan->lists[plan->c->image->firewalls_count + chain];
}

bool plan_writes(const struct plan *plan, uint32_t rule, enum variant v) { return plan->judges[rule] >> v & 1; }
uint32_t plan_rules_to_write(const struct list *l, enum variant v) { return l->end[v]; }

bool plan_judges_arp(const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->c->image->firewalls_count; i++)
        if (plan->lists[i].size[ARP]) return true;
    return false;
}

static bool leaves_list(const struct pbc_rule *r) { return pbc_decides(r->verdict) || r->verdict == PBC_V_RETURN; }

/* Find the rules to write, and the end of a list at a rule that takes everything. */
static void find_reach(struct plan *plan, struct list *l)
{
    const struct ir *ir = plan->c->ir;
    for (enum variant v = FRAMES; v < VARIANTS; v++) {
        uint32_t i = 0;
        for (bool open = true; i < l->count && open; i++) {
            const struct ir_rule *r = &ir->rules[l->first + i];
            if (r->state != IR_LIVE || !product_judges(ir, &r->product, v)) continue;
            plan->judges[l->first + i] |= (uint8_t)(1u << v);
            open = !leaves_list(&plan->c->image->rules[l->first + i]) || !product_is_everything(ir, &r->product, v);
        }
        l->end[v] = i;
    }
}

/* Return the chain that rule i calls, or NULL. */
static struct list *callee(const struct plan *plan, const struct list *l, uint32_t i)
{
    const struct pbc_rule *r = &plan->c->image->rules[l->first + i];
    return r->verdict == PBC_V_DO && plan->judges[l->first + i] ? plan_chain(plan, r->chain) : NULL;
}

/* Walk depth first; `order` fills from its end, so callers come before callees. The front end has rejected loops and
 * deep nesting. */
static void visit(struct plan *plan, struct list *l, uint32_t *at)
{
    l->visited = true;
    for (uint32_t i = 0; i < l->count; i++) {
        struct list *to = callee(plan, l, i);
        if (!to) continue;
        for (enum variant v = FRAMES; v < VARIANTS; v++) to->sites[v] += plan_writes(plan, l->first + i, v);
        if (!to->visited) visit(plan, to, at);
        if (to->height > l->height) l->height = to->height;
    }
    l->height += l->chain;
    plan->order[--*at] = l;
}

/* Return the number of rules that rule i takes in the list's code. */
static uint32_t weight(const struct plan *plan, const struct list *l, uint32_t i, enum variant v)
{
    const struct list *to = callee(plan, l, i);
    if (!plan_writes(plan, l->first + i, v)) return 0;
    return 1 + (to && to->in_line ? to->size[v] : 0);
}

/* Cut greedily: a block takes rules while they fit; a rule too large for any block is a block by itself. Return the
 * number of blocks; fill `blocks` unless NULL. */
static unsigned cut_blocks(const struct plan *plan, const struct list *l, enum variant v, struct function *blocks)
{
    unsigned n = 0;
    uint32_t held = 0, begin = 0;
    for (uint32_t i = 0; i < l->end[v]; i++) {
        const uint32_t w = weight(plan, l, i, v);
        if (held + w > PBC_BLOCK_RULES && i > begin) {
            if (blocks) blocks[n] = (struct function){.v = v, .run = {l, begin, i}};
            n++;
            begin = i;
            held = 0;
        }
        held += w;
    }
    if (blocks) blocks[n] = (struct function){.v = v, .run = {l, begin, l->end[v]}};
    return n + 1;
}

uint32_t plan_rules_written(const struct plan *plan, const struct list *l, enum variant v)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->end[v]; i++) n += plan_writes(plan, l->first + i, v);
    return n;
}

static bool is_classified(const struct plan *plan, struct list *l, enum variant v)
{
    if (plan->straight[(size_t)(l - plan->lists) * VARIANTS + v]) return false;
    switch (plan->c->classify) {
    case CLASSIFY_ALL:
    case CLASSIFY_RANKED: return plan_rules_written(plan, l, v) > 0;
    case CLASSIFY_NONE: return false;
    case CLASSIFY_BY_COST: break;
    }
    if (!l->costed) {
        for (enum variant each = FRAMES; each < VARIANTS; each++) {
            const struct list_cost cost = straight_cost(plan, l, each);
            l->worth[each] = worth_classifying(&cost);
        }
        l->costed = true;
    }
    return l->worth[v];
}

static void add_up(struct plan *plan, struct list *l)
{
    uint32_t below = 0;
    for (enum variant v = FRAMES; v < VARIANTS; v++) {
        uint64_t size = 0;
        for (uint32_t i = 0; i < l->end[v]; i++) size += weight(plan, l, i, v);
        l->size[v] = size < SIZE_MAX_RULES ? (uint32_t)size : SIZE_MAX_RULES;
    }
    for (uint32_t i = 0; i < l->count; i++) {
        const struct list *to = callee(plan, l, i);
        if (to && to->levels - to->in_line > below) below = to->levels - to->in_line;
    }
    l->levels = 1 + below;
    for (enum variant v = FRAMES; v < VARIANTS; v++) {
        l->top[v].v = v;
        l->classified[v] = is_classified(plan, l, v);
        l->top[v].block_count = l->size[v] > PBC_BLOCK_RULES && !l->classified[v] ? cut_blocks(plan, l, v, NULL) : 1;
    }
}

static uint32_t most_rules(const struct list *l)
{
    return l->size[FRAMES] > l->size[ARP] ? l->size[FRAMES] : l->size[ARP];
}

/* True if the chain takes fewer instructions in its callers than as a function. */
static bool smaller_in_line(struct plan *plan, struct list *l)
{
    uint64_t copies = 0, called = 0;
    if (l->sites[FRAMES] <= 1 && l->sites[ARP] <= 1) return true;
    for (enum variant v = FRAMES; v < VARIANTS; v++) {
        if (!l->sites[v]) continue;
        /* each rule takes at least one instruction */
        const uint64_t least = (uint64_t)l->sites[v] * plan_rules_written(plan, l, v);
        bool ends;
        if (least > l->size[v] + 1 + (uint64_t)CALL_INSNS * l->sites[v]) return false;
        const uint32_t body = list_instructions(plan->g, plan, l, v, &ends);
        copies += (uint64_t)l->sites[v] * body;
        called += (uint64_t)l->sites[v] * CALL_INSNS + body + !ends;
    }
    return copies < called;
}

/* True if the chain is in line, where it is straight code. If a classifier pays, that happens only if `flattened`
 * has its height. */
static bool stands_in_line(struct plan *plan, struct list *l, uint32_t flattened)
{
    if (flattened >> l->height & 1) return true;
    return most_rules(l) <= IN_LINE_MAX && !l->classified[FRAMES] && !l->classified[ARP] && smaller_in_line(plan, l);
}

static void put_in_line(struct list *l)
{
    l->in_line = true;
    for (enum variant v = FRAMES; v < VARIANTS; v++) {
        l->classified[v] = false;
        l->top[v].block_count = 1;
    }
}

/* Settle every list, callees first. Bit h of `flattened`: chains of height h are in their callers. Return the
 * deepest nesting of calls. */
static uint32_t plan_settle(struct plan *plan, uint32_t flattened)
{
    uint32_t deepest = 0;
    for (uint32_t i = plan->count; i-- > 0;) {
        struct list *l = plan->order[i];
        l->in_line = false;
        add_up(plan, l);
        if (l->chain && stands_in_line(plan, l, flattened))
            put_in_line(l);
        else if (!l->chain && l->levels > deepest)
            deepest = l->levels;
    }
    return deepest;
}

uint64_t plan_rules_to_classify(const struct plan *plan)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < plan->count; i++)
        for (enum variant v = FRAMES; v < VARIANTS; v++)
            if (plan->order[i]->classified[v]) n += plan_rules_written(plan, plan->order[i], v);
    return n;
}

/* Return the height, among those not flattened, whose chains have the fewest rules with copies; 0: none. */
static uint32_t cheapest_height(const struct plan *plan, uint32_t flattened)
{
    uint64_t rules[PBC_CHAIN_DEPTH + 1] = {0};
    uint32_t best = 0;
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct list *l = plan->order[i];
        if (!l->chain || l->in_line) continue;
        for (enum variant v = FRAMES; v < VARIANTS; v++) rules[l->height] += (uint64_t)l->sites[v] * l->size[v];
    }
    for (uint32_t h = 1; h <= PBC_CHAIN_DEPTH; h++)
        if (rules[h] && !(flattened >> h & 1) && (!best || rules[h] < rules[best])) best = h;
    return best;
}

static void settle_depth(struct plan *plan)
{
    uint32_t flattened = 0, height;
    while (plan_settle(plan, flattened) > PBC_CALL_DEPTH && (height = cheapest_height(plan, flattened)))
        flattened |= 1u << height;
}

static void make_blocks(struct plan *plan, struct list *l)
{
    for (enum variant v = FRAMES; v < VARIANTS; v++)
        if (l->top[v].block_count > 1) {
            l->top[v].blocks = arena_alloc(plan->c->arena, l->top[v].block_count * sizeof(struct function));
            cut_blocks(plan, l, v, l->top[v].blocks);
        }
}

static void make_lists(struct plan *plan)
{
    const struct image *img = plan->c->image;
    for (uint32_t i = 0; i < img->firewalls_count; i++)
        plan->lists[i] = (struct list){
            .name = img->firewalls[i].name, .first = img->firewalls[i].rules, .count = img->firewalls[i].rule_count};
    for (uint32_t i = 0; i < img->chains_count; i++)
        *plan_chain(plan, i) = (struct list){.name = img->chains[i].name,
                                             .first = img->chains[i].rules,
                                             .count = img->chains[i].rule_count,
                                             .chain = true};
}

struct plan *plan_new(struct gen *g)
{
    struct compile *c = g->c;
    struct plan *plan = arena_alloc(c->arena, sizeof(*plan));
    const uint32_t lists = c->image->firewalls_count + c->image->chains_count;
    uint32_t at = lists;
    plan->c = c;
    plan->straight = g->straight;
    plan->g = g;
    plan->lists = arena_alloc(c->arena, (lists + 1) * sizeof(*plan->lists));
    plan->order = arena_alloc(c->arena, (lists + 1) * sizeof(*plan->order));
    plan->judges = arena_alloc(c->arena, (size_t)c->image->rules_count + 1);
    make_lists(plan);
    for (uint32_t i = 0; i < lists; i++) find_reach(plan, &plan->lists[i]);
    for (uint32_t i = 0; i < c->image->firewalls_count; i++) visit(plan, &plan->lists[i], &at);
    plan->order += at; /* leaves out chains that nothing calls */
    plan->count = lists - at;
    settle_depth(plan);
    for (uint32_t i = 0; i < plan->count; i++) make_blocks(plan, plan->order[i]);
    return plan;
}

void plan_note_call(struct plan *plan, struct function *f, uint32_t insn)
{
    struct call_site *site;
    if (plan->measuring) return;
    site = arena_alloc(plan->c->arena, sizeof(*site));
    *site = (struct call_site){insn, f->calls};
    f->calls = site;
}

void plan_begin(struct plan *plan, struct function *f, uint32_t name)
{
    struct image *img = plan->c->image;
    struct pbc_func *func = image_add_funcs(img);
    if (!func) /* at most two per list and one per block, so the bounds of other sections keep this below its bound */
        return;
    *func = (struct pbc_func){.name = name, .first = img->code_count};
    for (const struct call_site *s = f ? f->calls : NULL; s; s = s->next) img->code[s->insn].imm = img->funcs_count - 1;
}

void plan_end(struct image *img)
{
    struct pbc_func *func = &img->funcs[img->funcs_count - 1];
    func->count = img->code_count - func->first;
}
