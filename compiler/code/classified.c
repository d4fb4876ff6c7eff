/* A list as one function that classifies: boxes of its rules, the tree over them, and straight code for entries that
 * test something outside their boxes, or do more than decide.
 *
 *   classify c      finds the packet's first entry: returns its rule, or runs its code
 *   retz            no entry: nothing decided
 *   …               an entry's code: the rest of the rule's tests, its action; else
 *   again           continues the search behind the entry */
#include <string.h>

#include "compiler/classify/boxes/rule_boxes.h"
#include "compiler/code/gen_priv.h"
#include "compiler/code/plan.h"
#include "compiler/normal/kinds.h"

static void add_entry(struct gen *g, struct classified *c, struct rule_boxes *rb, uint32_t rule, enum variant v,
                      uint32_t most)
{
    const uint32_t i = c->count++;
    c->rule[i] = rule;
    c->left[i] = rule_boxes_add(rb, &g->ir->rules[rule].product, v, most, &c->boxes, i);
    if (c->left[i] == UINT32_MAX) g->out_of_memory = true;
    const struct pbc_rule *r = &g->img->rules[rule];
    c->coded[i] = c->left[i] || r->flags & PBC_RULE_LOG || !pbc_decides(r->verdict); /* it does more than decide */
}

/* Add the rules' boxes, at most `most` each. False: more than `all` together, or out of memory. */
static bool add_entries(struct gen *g, const struct plan *plan, struct classified *c, struct rule_boxes *rb,
                        enum variant v, uint32_t most, uint32_t all)
{
    const struct list *l = c->list;
    c->count = 0;
    c->most = most;
    for (uint32_t i = 0; i < l->end[v] && !g->out_of_memory && c->boxes.count <= all; i++)
        if (plan_writes(plan, l->first + i, v)) add_entry(g, c, rb, l->first + i, v, most);
    c->boxes.entries = c->count;
    return !g->out_of_memory && c->boxes.count <= all;
}

enum {
    BOXES_PLENTY = 1 << 16, /* most boxes of a list with few rules */
    BOXES_A_RULE = 4,       /* most boxes per rule, on average, of a longer list */
};

/* Collect as many boxes per rule as the list's total allows: boxes cost time to build and memory of the image. */
static void classified_collect(struct gen *g, const struct plan *plan, const struct list *l, enum variant v,
                               struct classified *c)
{
    struct rule_boxes *rb = rule_boxes_new(g->ir);
    const uint32_t written = plan_rules_written(plan, l, v);
    const uint32_t all = BOXES_PLENTY / BOXES_A_RULE > written ? BOXES_PLENTY : written * BOXES_A_RULE;
    *c = (struct classified){.list = l,
                             .rule = arena_alloc(g->c->arena, written * sizeof(*c->rule)),
                             .left = arena_alloc(g->c->arena, written * sizeof(*c->left)),
                             .coded = arena_alloc(g->c->arena, written * sizeof(*c->coded))};
    boxes_init(&c->boxes);
    for (uint32_t most = RULE_BOXES_MAX; !add_entries(g, plan, c, rb, v, most, most > 1 ? all : UINT32_MAX - 1);
         most /= 4) {
        if (g->out_of_memory) return;
        boxes_fini(&c->boxes);
        boxes_init(&c->boxes);
    }
}

/* True if the boxes express the test. They always express bits of key.kind, which no box widens. */
static bool is_said_by_box(const struct test *t, uint32_t left)
{
    switch ((enum test_type)t->type) {
    case TEST_DST: return !(left >> IR_DST & 1);
    case TEST_SRC: return !(left >> IR_SRC & 1);
    case TEST_HALF: return !(left >> t->a & 1);
    case TEST_HEADER: return false;
    case TEST_NUMBERS: return !(left >> IR_WHAT & 1);
    case TEST_ALL:
    case TEST_NONE:
    case TEST_ANY: return true;
    case TEST_FLAGS_SET:
    case TEST_FLAGS_CLEAR: return !(left >> IR_HAS & 1);
    case TEST_STATE: return !(left >> IR_STATE & 1);
    case TEST_DURING: return !(left >> IR_DURING & 1);
    case TEST_NOT_DURING: return !(left >> IR_NOT_DURING & 1);
    case TEST_SRC_MAC:
    case TEST_DST_MAC:
    case TEST_PATTERN:
    case TEST_FLOWS:
    case TEST_OVER:
    case TEST_WITHIN: return false;
    }
    return false;
}

static void entry_code(struct gen *g, struct plan *plan, const struct place *at, uint32_t rule, uint32_t left)
{
    struct label again = {0};
    asm_entry(&g->as);
    if (left) {
        const struct tests tests = tests_of(g, &g->ir->rules[rule].product, at->v);
        for (uint32_t t = 0; t < tests.count; t++) {
            if (is_said_by_box(&tests.t[t], left)) continue;
            asm_relay(&g->as);
            emit_test(g, &tests.t[t], &again);
        }
    }
    asm_relay(&g->as);
    rule_action(g, plan, at, rule);
    asm_bind(&g->as, &again);
    asm_op(&g->as, OP_AGAIN, 0, 0);
}

/* Add the classifier's parts to the image. False: a section is full. */
static bool add_sections(struct image *img, uint32_t classifier, const struct classified *c, const struct built *b)
{
    struct pbc_classifier *const to = &img->classifiers[classifier];
    to->entries = img->entries_count;
    to->formats = img->formats_count;
    to->tree = img->tree_count;
    to->blocks = img->blocks_count;
    to->ranks = img->ranks_count;
    to->words = b->words;
    to->compared = b->compared;
    to->forks = b->forks;
    to->chain = b->chain;
    to->climbed = b->climbed;
    for (uint32_t i = 0; i < c->count; i++, to->entry_count++) {
        struct pbc_entry *e = image_add_entries(img);
        if (!e) return false;
        *e = (struct pbc_entry){.rule = c->rule[i]};
    }
    for (uint32_t i = 0; i < b->format_count; i++, to->format_count++) {
        struct pbc_format *f = image_add_formats(img);
        if (!f) return false;
        *f = b->formats[i];
    }
    for (uint32_t i = 0; i < b->tree_count; i++, to->tree_count++) {
        uint64_t *w = image_add_tree(img);
        if (!w) return false;
        *w = b->tree[i];
    }
    for (uint32_t i = 0; i < b->block_count; i++, to->block_count++) {
        struct pbc_line *k = image_add_blocks(img);
        if (!k) return false;
        *k = b->blocks[i];
    }
    for (uint32_t i = 0; i < b->rank_count; i++, to->rank_count++) {
        struct pbc_rank *r = image_add_ranks(img);
        if (!r) return false;
        *r = b->ranks[i];
    }
    return true;
}

static void function_code(struct gen *g, struct plan *plan, const struct classified *c, enum variant v,
                          uint32_t classifier)
{
    const struct place at = {v, PBC_NONE, NULL};
    const uint32_t first = asm_here(&g->as), entries = g->img->classifiers[classifier].entries;
    asm_op(&g->as, OP_CLASSIFY, 0, classifier);
    asm_op(&g->as, OP_RETZ, 0, 0);
    for (uint32_t i = 0; i < c->count && !g->as.full; i++) {
        if (!c->coded[i]) continue;
        g->img->entries[entries + i].code = asm_here(&g->as) - first;
        entry_code(g, plan, &at, c->rule[i], c->left[i]);
    }
}

static bool classified_build(struct gen *g, const struct classified *c, struct built *b)
{
    const uint64_t share = g->rules_left ? g->classifier_bytes * c->count / g->rules_left : g->classifier_bytes;
    const struct build_limits limits = {
        .bytes = share, .workers = 1, .ranks = g->c->classify == CLASSIFY_RANKED ? RANKS_ALWAYS : RANKS_BY_COST};
    const int rc = classifier_build(&c->boxes, c->coded, kind_possible, &limits, b);
    g->rules_left -= c->count < g->rules_left ? c->count : g->rules_left;
    if (rc == BUILD_NO_MEMORY) g->out_of_memory = true;
    if (rc == BUILD_TOO_LARGE) report_classified(g, c, NULL, share);
    if (rc == BUILD_OK) report_classified(g, c, b, share);
    return rc == BUILD_OK;
}

static void write_built(struct gen *g, struct plan *plan, struct list *l, enum variant v, const struct classified *c,
                        const struct built *b)
{
    struct pbc_classifier *const to = image_add_classifiers(g->img);
    const uint32_t classifier = g->img->classifiers_count - 1;
    if (to) *to = (struct pbc_classifier){.name = l->name};
    if (to && add_sections(g->img, classifier, c, b))
        function_code(g, plan, c, v, classifier);
    else
        g->out_of_classifier = true;
    /* straight code may be shorter, in case the longest path is too long */
    if (b->chain > PBC_CHAIN_WARN || built_steps(b) > PBC_PATH_MAX / 16)
        g->again = g->straight[(size_t)(l - plan->lists) * VARIANTS + v] = true;
    g->classifier_bytes -= built_bytes(b) < g->classifier_bytes ? built_bytes(b) : g->classifier_bytes;
    keep_figures(g, plan, l, v, c, b);
}

void classified_code(struct gen *g, struct plan *plan, struct list *l, enum variant v)
{
    struct classified c;
    struct built b;
    classified_collect(g, plan, l, v, &c);
    if (!g->out_of_memory && !refuse_classified(g, &c) && classified_build(g, &c, &b)) {
        write_built(g, plan, l, v, &c, &b);
        built_fini(&b);
    }
    boxes_fini(&c.boxes);
}
