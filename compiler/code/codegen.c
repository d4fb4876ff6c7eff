/* Straight code: the normal form as functions of tests and jumps (vm/opcode.def).
 *
 *   function 0      picks the firewall, calls its list, decides or defaults (dispatch.c)
 *   a list          a firewall's or chain's rules in order; returns rule + 1, or 0 for "nothing decided"
 *   a block         at most PBC_BLOCK_RULES rules of a longer list, whose blocks are called one after another
 *
 * ARP has separate lists with only the rules that judge ARP, so that no other frame pays for them. A chain is in its
 * callers' code if its copies take less than a function and its calls, or if calls would nest too deep (plan.c).
 *
 * A long list is one function that classifies, with code for tests outside its boxes (classified.c). */
#include <string.h>

#include "compiler/code/gen_priv.h"
#include "compiler/code/plan.h"
#include "compiler/code/split.h"

/* A rule to be written. Its copies share the tests. */
struct pending {
    uint32_t rule;
    struct tests tests;
    uint64_t made;               /* bits of tests already made for a run of rules */
    const struct demand *demand; /* the rule's demands, for splitting */
};
enum {
    SHARED_MAX = 64,    /* most rules in a row that share a test */
    SHAREABLE_MAX = 64, /* most tests of a rule that have a bit in `made` */
    COPIES_MAX = 2,     /* bound of the rules written, copies included, as a multiple of the rules */
};

static void place_leave(struct gen *g, const struct place *at);

void call_code(struct gen *g, struct plan *plan, const struct place *at, struct function *f)
{
    if (!g->as.reachable) return;
    asm_op(&g->as, OP_CALL, 0, 0);
    plan_note_call(plan, f, asm_here(&g->as) - 1);
    if (at->firewall != PBC_NONE)
        asm_op(&g->as, OP_DECIDE, 0, at->firewall);
    else
        asm_op(&g->as, OP_RETNZ, 0, 0);
}

static void do_chain(struct gen *g, struct plan *plan, const struct place *at, uint32_t chain)
{
    struct list *l = plan_chain(plan, chain);
    struct label end = {0};
    const struct place inside = {at->v, at->firewall, &end};
    const struct run all = {l, 0, plan_rules_to_write(l, at->v)};
    if (l->top[at->v].block_count > 1)
        blocks_code(g, plan, l, &inside);
    else if (l->in_line)
        rules_code(g, plan, &all, &inside);
    else
        call_code(g, plan, at, &l->top[at->v]);
    g->ir->inlined += l->in_line;
    asm_bind(&g->as, &end);
}

void rule_action(struct gen *g, struct plan *plan, const struct place *at, uint32_t rule)
{
    const struct pbc_rule *r = &g->img->rules[rule];
    if (r->verdict == PBC_V_LOG || r->flags & PBC_RULE_LOG) asm_op(&g->as, OP_LOG, 0, rule);
    if (pbc_decides(r->verdict)) {
        if (at->firewall != PBC_NONE)
            asm_to(&g->as, OP_DECIDEK, 0, (uint16_t)at->firewall, rule);
        else
            asm_op(&g->as, OP_RETK, 0, rule);
        return;
    }
    asm_op(&g->as, OP_COUNT, 0, rule);
    if (r->verdict == PBC_V_MIRROR) asm_op(&g->as, OP_MIRROR, 0, rule);
    if (r->verdict == PBC_V_ADD) asm_op(&g->as, OP_ADD, 0, rule);
    if (r->verdict == PBC_V_DO)
        do_chain(g, plan, at, r->chain);
    else if (r->verdict == PBC_V_RETURN)
        place_leave(g, at);
}

/* Return the test's bit if the rule still has to make it, else 0. */
static uint64_t find_test(const struct pending *p, const struct test *t)
{
    for (uint32_t i = 0; i < p->tests.count && i < SHAREABLE_MAX; i++)
        if (!(p->made >> i & 1) && same_test(&p->tests.t[i], t)) return 1ull << i;
    return 0;
}

/* Return the number of rules, from the first on, that make this test. */
static uint32_t sharers(const struct pending *p, uint32_t count, const struct test *t)
{
    uint32_t n = 1;
    while (n < count && n < SHARED_MAX && find_test(&p[n], t)) n++;
    return n;
}

/* Choose the test most worth making once for a run of rules: it saves the skipped rules, times its chance to fail.
 * Return the run's length, 1 for none. */
static uint32_t best_shared(const struct pending *p, uint32_t count, const struct test **best)
{
    uint32_t length = 1;
    float worth = 1; /* cost of the shared test: an additional instruction */
    for (uint32_t i = 0; i < p->tests.count && i < SHAREABLE_MAX; i++) {
        if (p->made >> i & 1 || p->tests.t[i].type >= TEST_OVER) continue;
        const uint32_t n = sharers(p, count, &p->tests.t[i]);
        const float saved = (float)(n - 1) * p->tests.t[i].fails;
        if (n > 1 && saved > worth) {
            worth = saved;
            length = n;
            *best = &p->tests.t[i];
        }
    }
    return length;
}

static void one_rule(struct gen *g, struct plan *plan, const struct place *at, const struct pending *p)
{
    struct label next = {0};
    for (uint32_t i = 0; i < p->tests.count; i++) {
        if (i < SHAREABLE_MAX && p->made >> i & 1) continue;
        asm_relay(&g->as);
        emit_test(g, &p->tests.t[i], &next);
    }
    rule_action(g, plan, at, p->rule);
    asm_bind(&g->as, &next);
    asm_relay(&g->as);
}

/* Write rules one after another; a run that shares a test makes it once. */
static void sequence_code(struct gen *g, struct plan *plan, const struct place *at, struct pending *p, uint32_t count)
{
    for (uint32_t i = 0; i < count && g->as.reachable;) {
        const struct test *shared = NULL;
        const uint32_t n = best_shared(&p[i], count - i, &shared);
        struct label past = {0};
        if (n == 1) {
            one_rule(g, plan, at, &p[i++]);
            continue;
        }
        asm_relay(&g->as);
        emit_test(g, shared, &past);
        for (uint32_t j = i; j < i + n; j++) p[j].made |= find_test(&p[j], shared);
        sequence_code(g, plan, at, &p[i], n);
        asm_bind(&g->as, &past);
        i += n;
    }
}

static struct pending *side_of(struct gen *g, const struct split *s, bool right, const struct pending *p,
                               uint32_t count, uint32_t *n)
{
    struct pending *out = arena_alloc(g->c->arena, count * sizeof(*out));
    *n = 0;
    for (uint32_t i = 0; i < count; i++)
        if (right ? goes_right(s, p[i].demand) : goes_left(s, p[i].demand)) out[(*n)++] = p[i];
    return out;
}

/* Write a tree over rules that have no chain in line. `spare`: number of copies that may still be made. */
static void tree_code(struct gen *g, struct plan *plan, const struct place *at, struct pending *p, uint32_t count,
                      uint32_t *spare)
{
    const struct demand **demands = arena_alloc(g->c->arena, count * sizeof(const struct demand *));
    struct label right = {0}, end = {0};
    uint32_t left_count, right_count;
    for (uint32_t i = 0; i < count; i++) demands[i] = p[i].demand;
    const struct split s = find_split(demands, count);
    if (s.kind == SPLIT_NONE || !g->as.reachable) {
        sequence_code(g, plan, at, p, count);
        return;
    }
    struct pending *const left_rules = side_of(g, &s, false, p, count, &left_count);
    struct pending *const right_rules = side_of(g, &s, true, p, count, &right_count);
    if (left_count + right_count - count > *spare) {
        sequence_code(g, plan, at, p, count);
        return;
    }
    *spare -= left_count + right_count - count;
    asm_relay(&g->as);
    emit_split(&g->as, &s, &right);
    tree_code(g, plan, at, left_rules, left_count, spare);
    asm_jump(&g->as, OP_JUMP, 0, 0, &end);
    asm_bind(&g->as, &right);
    tree_code(g, plan, at, right_rules, right_count, spare);
    asm_bind(&g->as, &end);
}

static bool has_chain_in_line(const struct gen *g, const struct plan *plan, uint32_t rule)
{
    const struct pbc_rule *r = &g->img->rules[rule];
    return r->verdict == PBC_V_DO && plan_chain(plan, r->chain)->in_line;
}

/* Write trees for long stretches between chains in line, so that each such chain is written once. */
static void pending_code(struct gen *g, struct plan *plan, const struct place *at, struct pending *p, uint32_t count)
{
    uint32_t done = 0; /* number of rules written */
    for (uint32_t i = 0, n; i < count; i += n + 1) {
        for (n = 0; i + n < count && !has_chain_in_line(g, plan, p[i + n].rule); n++)
            ;
        if (n < SPLIT_MIN) continue;
        uint32_t spare = n * (COPIES_MAX - 1);
        sequence_code(g, plan, at, &p[done], i - done);
        tree_code(g, plan, at, &p[i], n, &spare);
        done = i + n;
    }
    sequence_code(g, plan, at, &p[done], count - done);
}

void rules_code(struct gen *g, struct plan *plan, const struct run *run, const struct place *at)
{
    struct pending *p = arena_alloc(g->c->arena, (run->end - run->begin + 1) * sizeof(*p));
    struct demand *demands = arena_alloc(g->c->arena, (run->end - run->begin + 1) * sizeof(*demands));
    uint32_t count = 0;
    for (uint32_t i = run->begin; i < run->end; i++) {
        const uint32_t rule = run->list->first + i;
        const struct ir_product *product = &g->ir->rules[rule].product;
        if (!plan_writes(plan, rule, at->v)) continue;
        demands[count] = demand_of(g->ir, product);
        p[count] = (struct pending){.rule = rule, .tests = tests_of(g, product, at->v), .demand = &demands[count]};
        count++;
    }
    pending_code(g, plan, at, p, count);
}

uint32_t list_instructions(struct gen *g, struct plan *plan, const struct list *l, enum variant v, bool *ends)
{
    struct label end = {0};
    const struct place at = {v, PBC_NONE, &end};
    const struct run all = {l, 0, plan_rules_to_write(l, v)};
    const uint32_t first = asm_here(&g->as), inlined = g->ir->inlined;
    plan->measuring = true;
    asm_begin(&g->as);
    rules_code(g, plan, &all, &at);
    *ends = !g->as.reachable;
    asm_bind(&g->as, &end);
    const uint32_t count = asm_here(&g->as) - first;
    g->img->code_count = first;
    g->ir->inlined = inlined;
    plan->measuring = false;
    return count;
}

static void place_leave(struct gen *g, const struct place *at)
{
    if (at->returns)
        asm_jump(&g->as, OP_JUMP, 0, 0, at->returns);
    else
        asm_op(&g->as, OP_RETZ, 0, 0);
}

/* Ask the conditions of the block's `return` rules again, because the block's result does not show if one of them
 * left the list. */
static void repeat_returns(struct gen *g, struct plan *plan, const struct run *run, const struct place *at)
{
    for (uint32_t i = run->begin; i < run->end; i++) {
        const uint32_t rule = run->list->first + i;
        struct label next = {0};
        if (g->img->rules[rule].verdict != PBC_V_RETURN || !plan_writes(plan, rule, at->v)) continue;
        const struct tests tests = tests_of(g, &g->ir->rules[rule].product, at->v);
        for (uint32_t t = 0; t < tests.count; t++) {
            asm_relay(&g->as);
            emit_test(g, &tests.t[t], &next);
        }
        place_leave(g, at);
        asm_bind(&g->as, &next);
    }
}

/* Call a list's blocks from here, which costs no level of calls. */
void blocks_code(struct gen *g, struct plan *plan, const struct list *l, const struct place *at)
{
    const struct function *const f = &l->top[at->v];
    for (unsigned b = 0; b < f->block_count; b++) {
        asm_relay(&g->as);
        call_code(g, plan, at, &f->blocks[b]);
        if (b + 1 < f->block_count) repeat_returns(g, plan, &f->blocks[b].run, at);
    }
}

static void begin_function(struct gen *g, struct plan *plan, struct function *f, const struct list *l, unsigned block)
{
    char name[600];
    const int len = snprintf(name, sizeof(name), "%.500s%s", image_str(g->img, l->name), f->v == ARP ? "/arp" : "");
    if (block) snprintf(name + len, sizeof(name) - (size_t)len, "/%u", block);
    plan_begin(plan, f, image_string(g->img, name, strlen(name)));
    asm_begin(&g->as);
}

/* Write the list as a function, or each of its blocks as a function, if they are called. */
static void list_code(struct gen *g, struct plan *plan, struct list *l, enum variant v)
{
    const struct place at = {v, PBC_NONE, NULL};
    const struct run all = {l, 0, plan_rules_to_write(l, v)};
    struct function *const f = &l->top[v];
    for (unsigned b = 0; b < f->block_count; b++) {
        struct function *const part = f->block_count > 1 ? &f->blocks[b] : f;
        if (!part->calls) continue;
        begin_function(g, plan, part, l, f->block_count > 1 ? b + 1 : 0);
        if (l->classified[v]) {
            classified_code(g, plan, l, v);
        } else {
            rules_code(g, plan, f->block_count > 1 ? &part->run : &all, &at);
            asm_op(&g->as, OP_RETZ, 0, 0);
            if (b == 0) keep_figures(g, plan, l, v, NULL, NULL);
        }
        plan_end(g->img);
    }
}

static struct span last_rule_span(const struct image *img)
{
    return img->rules_count ? img->rule_span[img->rules_count - 1] : SPAN_NONE;
}

static void report(struct gen *g)
{
    const struct image *img = g->img;
    struct diags *d = g->c->diags;
    if (g->as.full) diag(d, E_CODE_SIZE, last_rule_span(img), "the rules need more than %u instructions", 1u << 24);
    if (g->out_of_maps)
        diag(d, E_CODE_SIZE, last_rule_span(img),
             "the rules have more than %u different long lists of ports or numbers", 1u << 12);
    if (g->longest)
        diag(d, E_CODE_SIZE, last_rule_span(img), "a rule has more than %u ranges in `%s`", HEADER_RANGES_MAX,
             g->longest);
    if (g->out_of_ranges)
        diag(d, E_CODE_SIZE, last_rule_span(img), "the rules have more ranges of numbers than a program can hold");
    if (g->out_of_sets)
        diag(d, E_CODE_SIZE, last_rule_span(img),
             "the rules have longer address and MAC lists than a program can hold");
    if (g->out_of_classifier)
        diag(d, E_CODE_SIZE, last_rule_span(img), "the rules need larger search tables than a program can hold");
    if (g->out_of_memory) diag(d, E_CODE_SIZE, last_rule_span(img), "out of memory for the search tables of the rules");
}

/* Store the length of the longest path through the code. */
static uint32_t code_measure(struct gen *g)
{
    struct image *img = g->img;
    if (img->meta_count == 0) image_add_meta(img);
    const struct pbc_code code = {.funcs = img->funcs,
                                  .code = img->code,
                                  .classifiers = img->classifiers,
                                  .entries = img->entries,
                                  .funcs_count = img->funcs_count,
                                  .code_count = img->code_count,
                                  .classifiers_count = img->classifiers_count,
                                  .entries_count = img->entries_count,
                                  .services = img->meta->services,
                                  .streams = img->meta->streams,
                                  .would = img->meta->would};
    img->meta->longest_path = pbc_longest_path(&code);
    return img->meta->longest_path;
}

/* Discard the code for another try; entries that sections share stay. */
static void start_again(struct gen *g)
{
    struct image *img = g->img;
    img->funcs_count = img->code_count = 0;
    img->classifiers_count = img->entries_count = img->formats_count = img->tree_count = img->blocks_count = 0;
    img->meta->would = img->meta->would_classifiers = 0;
    g->ir->inlined = 0;
    asm_fini(&g->as);
}

static void lists_code(struct gen *g, struct plan *plan)
{
    dispatch_code(g, plan);
    for (uint32_t i = 0; i < plan->count && !g->as.full; i++)
        for (enum variant v = FRAMES; v < VARIANTS; v++) list_code(g, plan, plan->order[i], v);
}

static bool *no_list_straight(const struct compile *c)
{
    return arena_alloc(c->arena, ((size_t)c->image->firewalls_count + c->image->chains_count + 1) * VARIANTS);
}

/* Write the code of the rules as they would decide without `audit`, with a separate share of classifiers. Their
 * figures and warnings are those of the lists that decide. */
static void would_code(struct gen *g)
{
    struct compile *const c = g->c;
    struct list_figures *figures = NULL;
    struct list_warning *warnings = NULL;
    bool *const straight = g->straight;
    compile_swap(c);
    g->ir = c->ir;
    g->masks = NULL; /* by numbers of the other normal form */
    g->straight = g->would_straight = g->would_straight ? g->would_straight : no_list_straight(c);
    g->next_figures = &figures;
    g->next_warning = &warnings;
    struct plan *const plan = plan_new(g);
    g->classifier_bytes = g->img->settings->classifier_bytes;
    g->rules_left = plan_rules_to_classify(plan);
    g->img->meta->would = g->img->funcs_count;
    g->img->meta->would_classifiers = g->img->classifiers_count;
    lists_code(g, plan);
    compile_swap(c);
    g->ir = c->ir;
    g->straight = straight;
}

static void write_all(struct gen *g)
{
    asm_init(&g->as, g->img);
    struct plan *const plan = plan_new(g);
    g->classifier_bytes = g->img->settings->classifier_bytes;
    g->rules_left = plan_rules_to_classify(plan);
    g->c->lists = NULL;
    g->next_figures = &g->c->lists;
    g->warnings = NULL;
    g->next_warning = &g->warnings;
    g->masks = NULL;
    lists_code(g, plan);
    services_code(g, plan);
    if (g->img->audits) would_code(g);
}

/* Generate the code. If the longest path is too long, lists with long or repeated searches become straight code. */
void generate_code(struct compile *c)
{
    struct gen g = {.c = c, .img = c->image, .ir = c->ir};
    if (diags_errors(c->diags)) return;
    g.straight = no_list_straight(c);
    write_all(&g);
    uint32_t path = code_measure(&g);
    if (path > PBC_PATH_MAX && g.again) {
        start_again(&g);
        write_all(&g);
        path = code_measure(&g);
    }
    report(&g);
    report_warnings(&g);
    if (!diags_errors(c->diags) && path > PBC_PATH_MAX)
        diag(c->diags, E_CODE_PATH, last_rule_span(c->image),
             "a packet may need %u instructions on its way through the rules, and the limit is %u (a chain counts once "
             "per `do`)",
             path, (unsigned)PBC_PATH_MAX);
    asm_fini(&g.as);
}
