/* Reports about lists that became classifiers: over the limit, rules that nothing distinguishes, rules that one
 * packet is asked in turn, searches beyond their bounds. Each names rules at which an operator could begin. Also
 * stores the lists' figures for --stats. */
#include <inttypes.h>
#include <string.h>

#include "compiler/code/plan.h"
#include "vm/words/words.h"

enum {
    NAMED_MAX = 3,           /* most rules in the notes */
    RESISTS_BLOCKS_MIN = 16, /* with fewer blocks, long leaves cost no more than the search before them */
};

static const char chain_fix[] = "add `from`, `to` or `port` to these rules, so that fewer rules apply to one packet";

/* Warnings about a list, valid unless it becomes straight code after all. */
struct list_warning {
    enum diag_code code;
    uint32_t list; /* its name, a string */
    uint32_t count, named;
    uint32_t lines_bound; /* W_CLASSIFIER_FAR: `count` is lines beyond it; 0: bytes per rule */
    struct span span[NAMED_MAX];
    struct list_warning *next;
};

static struct span entry_span(const struct gen *g, const struct classified *c, uint32_t entry)
{
    return g->img->rule_span[c->rule[entry]];
}

static const char *classified_name(const struct gen *g, const struct classified *c)
{
    return image_str(g->img, c->list->name);
}

/* Find the entries with the most boxes, in descending order. */
static uint32_t largest(const struct classified *c, uint32_t entry[NAMED_MAX], uint32_t boxes[NAMED_MAX])
{
    uint32_t n = 0;
    for (uint32_t i = 0, end; i < c->boxes.count; i = end) {
        uint32_t at;
        for (end = i; end < c->boxes.count && c->boxes.entry[end] == c->boxes.entry[i]; end++)
            ;
        for (at = n; at > 0 && boxes[at - 1] < end - i; at--)
            if (at < NAMED_MAX) entry[at] = entry[at - 1], boxes[at] = boxes[at - 1];
        if (at == NAMED_MAX) continue;
        entry[at] = c->boxes.entry[i];
        boxes[at] = end - i;
        n += n < NAMED_MAX;
    }
    return n;
}

static void report_size(struct gen *g, const struct classified *c, uint64_t bytes)
{
    uint32_t entry[NAMED_MAX], boxes[NAMED_MAX];
    const uint32_t n = largest(c, entry, boxes);
    diag(g->c->diags, E_CLASSIFIER_SIZE, entry_span(g, c, n ? entry[0] : 0),
         "the %u rule%s of `%s` need%s more than the %" PRIu64 " bytes that `limits { classifier }` leaves %s",
         c->count, text_plural(c->count), classified_name(g, c), c->count == 1 ? "s" : "", bytes,
         c->count == 1 ? "it" : "them");
    diag_advise(g->c->diags, "raise `limits { classifier SIZE }`, which is %" PRIu64 " bytes for all lists",
                g->img->settings->classifier_bytes);
    for (uint32_t i = 0; i < n && boxes[i] > 1; i++)
        diag_note(g->c->diags, entry_span(g, c, entry[i]), "this rule needs %u entries in the search tables", boxes[i]);
}

/* Questions of several boxes together. `meet` adds those of a box if some packet meets all. */
struct meeting {
    uint32_t value[16], mask[16];
    struct port_range port[2];
};

static bool meet(struct meeting *m, const struct boxes *b, uint32_t box)
{
    const struct port_range asked[2] = {b->sport[box], b->dport[box]};
    struct meeting sum = *m;
    for (unsigned i = 0; i < b->slots; i++) {
        if ((sum.value[i] ^ b->value[i][box]) & sum.mask[i] & b->mask[i][box]) return false;
        sum.value[i] |= b->value[i][box];
        sum.mask[i] |= b->mask[i][box];
    }
    for (unsigned i = 0; i < 2; i++) {
        if (asked[i].lo > sum.port[i].lo) sum.port[i].lo = asked[i].lo;
        if (asked[i].hi < sum.port[i].hi) sum.port[i].hi = asked[i].hi;
        if (sum.port[i].lo > sum.port[i].hi) return false;
    }
    *m = sum;
    return true;
}

/* Find entries with code that share a packet, greedily: another packet may meet more. Counts to at most PBC_CHAIN_MAX +
 * 1; the first NAMED_MAX are in entry[]. */
static uint32_t in_turn(const struct classified *c, uint32_t entry[NAMED_MAX])
{
    struct meeting m = {.port = {{0, UINT16_MAX}, {0, UINT16_MAX}}};
    uint32_t n = 0, last = UINT32_MAX;
    for (uint32_t i = 0; i < c->boxes.count && n <= PBC_CHAIN_MAX; i++) {
        if (!c->coded[c->boxes.entry[i]] || last == c->boxes.entry[i] || !meet(&m, &c->boxes, i)) continue;
        last = c->boxes.entry[i];
        if (n < NAMED_MAX) entry[n] = last;
        n++;
    }
    return n;
}

static void report_chain(struct gen *g, const struct classified *c)
{
    uint32_t entry[NAMED_MAX];
    const uint32_t n = in_turn(c, entry);
    diag(g->c->diags, E_CLASSIFIER_CHAIN, entry_span(g, c, n ? entry[0] : 0),
         "prey may check a packet against more than %u rules of `%s`, one by one", (unsigned)PBC_CHAIN_MAX,
         classified_name(g, c));
    diag_advise(g->c->diags, "%s", chain_fix);
    for (uint32_t i = 1; i < n && i < NAMED_MAX; i++)
        diag_note(g->c->diags, entry_span(g, c, entry[i]), "then this rule");
}

bool refuse_classified(struct gen *g, const struct classified *c)
{
    uint32_t entry[NAMED_MAX];
    if (in_turn(c, entry) <= PBC_CHAIN_MAX) return false;
    report_chain(g, c);
    return true;
}

static struct list_warning *warn(struct gen *g, const struct classified *c, enum diag_code code, uint32_t count,
                                 const uint32_t entry[], uint32_t n)
{
    struct list_warning *const w = arena_alloc(g->c->arena, sizeof(*w));
    *w = (struct list_warning){.code = code, .list = c->list->name, .count = count};
    for (; w->named < n && w->named < NAMED_MAX; w->named++) w->span[w->named] = entry_span(g, c, entry[w->named]);
    *g->next_warning = w;
    g->next_warning = &w->next;
    return w;
}

/* Warn of lines or bytes beyond the bounds that the builder aims at. */
static void warn_far(struct gen *g, const struct classified *c, const struct built *b)
{
    const uint32_t first = 0, lines = built_lines_bound(b->boxes);
    if (b->lines > lines)
        warn(g, c, W_CLASSIFIER_FAR, b->lines, &first, 1)->lines_bound = lines;
    else if (built_bytes(b) > built_bytes_bound(c->count))
        warn(g, c, W_CLASSIFIER_FAR, (uint32_t)(built_bytes(b) / c->count), &first, 1);
}

void report_classified(struct gen *g, const struct classified *c, const struct built *b, uint64_t bytes)
{
    uint32_t entry[NAMED_MAX];
    if (!b)
        report_size(g, c, bytes);
    else if (b->chain > PBC_CHAIN_MAX)
        report_chain(g, c);
    else if (b->chain > PBC_CHAIN_WARN)
        warn(g, c, W_CLASSIFIER_CHAIN, b->chain, entry, in_turn(c, entry));
    if (b && b->last_resort && b->compared >= RESISTS_BLOCKS_MIN && b->overlap_count)
        warn(g, c, W_CLASSIFIER_RESISTS, b->compared, b->overlap_sample, b->overlap_count);
    else if (b && b->chain <= PBC_CHAIN_WARN)
        warn_far(g, c, b);
}

static void warning_tell(struct diags *d, const struct list_warning *w, const char *list)
{
    if (w->code == W_CLASSIFIER_CHAIN)
        diag(d, w->code, w->span[0], "prey may check a packet against %u rules of `%s`, one by one", w->count, list);
    else if (w->code == W_CLASSIFIER_RESISTS)
        diag(d, w->code, w->span[0],
             "many rules of `%s` overlap: prey may compare a packet with %u blocks of eight rules", list, w->count);
    else if (w->lines_bound)
        diag(d, w->code, w->span[0], "a search in `%s` may read %u cache lines, more than the expected %u", list,
             w->count, w->lines_bound);
    else
        diag(d, w->code, w->span[0], "the tables of `%s` take %u bytes per rule, more than the expected %u", list,
             w->count, (unsigned)BUILT_BYTES);
}

void report_warnings(struct gen *g)
{
    struct diags *const d = g->c->diags;
    for (const struct list_warning *w = g->warnings; w; w = w->next) {
        const bool chain = w->code == W_CLASSIFIER_CHAIN;
        warning_tell(d, w, image_str(g->img, w->list));
        if (chain) diag_advise(d, "%s", chain_fix);
        if (w->code == W_CLASSIFIER_RESISTS)
            diag_advise(d, "raise `limits { classifier SIZE }`, because more memory may help");
        if (w->code == W_CLASSIFIER_FAR)
            diag_advise(d, "add a condition that divides these rules: preyc --explain W0517");
        for (uint32_t i = 1; i < w->named; i++)
            diag_note(d, w->span[i], chain ? "then this rule" : "one of these rules is here");
    }
}

void keep_figures(struct gen *g, const struct plan *plan, const struct list *l, enum variant v,
                  const struct classified *c, const struct built *b)
{
    struct list_figures *f = arena_alloc(g->c->arena, sizeof(*f));
    *f = (struct list_figures){.name = l->name, .arp = v == ARP, .rules = plan_rules_written(plan, l, v)};
    if (b) {
        f->classified = true;
        f->most_boxes = c->most;
        for (uint32_t i = 0; i < c->count; i++) f->coded += c->coded[i];
        f->boxes = b->boxes;
        f->cuts = b->cuts;
        f->forks = b->fork_count;
        f->leaves = b->leaves;
        f->longest_leaf = b->longest_leaf;
        f->blocks = b->block_count;
        f->words = b->words;
        f->compared = b->compared;
        f->chain = b->chain;
        f->lines = b->lines;
        f->bytes = built_bytes(b);
        f->climbed = b->climbed;
        f->peak_bytes = b->peak_bytes;
        f->expected_blocks = b->expected_blocks;
        f->last_resort = b->last_resort;
    }
    *g->next_figures = f;
    g->next_figures = &f->next;
}

void keep_figures_in_dispatch(struct gen *g, const struct plan *plan, struct list *l, enum variant v)
{
    struct list_figures **const at = g->next_figures;
    if (l->told[v] || !l->size[v]) return;
    l->told[v] = true;
    keep_figures(g, plan, l, v, NULL, NULL);
    (*at)->in_dispatch = true;
}
