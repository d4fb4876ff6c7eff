/* What is to be said of lists that became classifiers: over the limit, rules that nothing tells apart, rules that one
 * packet is asked in turn. Each names rules at which an operator would begin. And their figures, for --stats. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/code/lists_priv.h"

enum {
    NAMED_MAX = 3,           /* rules in the notes */
    RESISTS_BLOCKS_MIN = 16, /* below, long leaves cost no more than the search before them */
};

static struct span span_of(const struct gen *g, const struct classified *c, uint32_t entry)
{
    return g->img->rule_span[c->rule[entry]];
}

static const char *name_of(const struct gen *g, const struct classified *c) { return image_str(g->img, c->list->name); }

/* Entries with the most boxes, most first. */
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

    diag(g->c->diags, E_CLASSIFIER_SIZE, span_of(g, c, n ? entry[0] : 0),
         "the %u rules of `%s` need more than the %" PRIu64 " bytes that `limits { classifier }` leaves them", c->count,
         name_of(g, c), bytes);
    diag_fix(g->c->diags, "raise `classifier`, which is %" PRIu64 " bytes for all lists",
             g->img->settings->classifier_bytes);
    for (uint32_t i = 0; i < n && boxes[i] > 1; i++)
        diag_note(g->c->diags, span_of(g, c, entry[i]), "this rule alone is %u boxes", boxes[i]);
}

/* Do all of `all`'s questions and the box's have an answer in common? Then the box's are added. */
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

/* Entries with code that have a packet in common, found greedily: there may be more on another packet's way. Looks for
 * at most PBC_CHAIN_MAX + 1; the first NAMED_MAX stand in entry[]. */
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

static void report_chain(struct gen *g, const struct classified *c, uint32_t chain)
{
    uint32_t entry[NAMED_MAX];
    const uint32_t n = in_turn(c, entry);

    if (chain <= PBC_CHAIN_WARN || !n) return;
    if (chain > PBC_CHAIN_MAX)
        diag(g->c->diags, E_CLASSIFIER_CHAIN, span_of(g, c, entry[0]),
             "a packet could be asked more than %u rules of `%s` in turn, with a search before each",
             (unsigned)PBC_CHAIN_MAX, name_of(g, c));
    else
        diag(g->c->diags, W_CLASSIFIER_CHAIN, span_of(g, c, entry[0]),
             "a packet can be asked %u rules of `%s` in turn, with a search before each", chain, name_of(g, c));
    diag_fix(g->c->diags, "such rules go on, or ask more than tables hold: name addresses or ports in them");
    for (uint32_t i = 1; i < n && i < NAMED_MAX; i++) diag_note(g->c->diags, span_of(g, c, entry[i]), "then this one");
}

bool refuse_classified(struct gen *g, const struct classified *c)
{
    uint32_t entry[NAMED_MAX];

    if (in_turn(c, entry) <= PBC_CHAIN_MAX) return false;
    report_chain(g, c, PBC_CHAIN_MAX + 1);
    return true;
}

static void report_resisting(struct gen *g, const struct classified *c, const struct built *b)
{
    if (!b->last_resort || b->compared < RESISTS_BLOCKS_MIN || !b->overlap_count) return;
    diag(g->c->diags, W_CLASSIFIER_RESISTS, span_of(g, c, b->overlap_sample[0]),
         "nothing tells many rules of `%s` apart: a packet can be compared with %u blocks of eight", name_of(g, c),
         b->compared);
    for (uint32_t i = 1; i < b->overlap_count && i < NAMED_MAX; i++)
        diag_note(g->c->diags, span_of(g, c, b->overlap_sample[i]), "this is one of them");
}

void report_classified(struct gen *g, const struct classified *c, const struct built *b, uint64_t bytes)
{
    if (!b) {
        report_size(g, c, bytes);
        return;
    }
    report_chain(g, c, b->chain);
    report_resisting(g, c, b);
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
        f->bytes = b->tree_count * sizeof(*b->tree) + b->block_count * sizeof(*b->blocks) +
                   b->format_count * sizeof(*b->formats);
        f->peak_bytes = b->peak_bytes;
        f->expected_blocks = b->expected_blocks;
        f->last_resort = b->last_resort;
    }
    *g->next_figures = f;
    g->next_figures = &f->next;
}
