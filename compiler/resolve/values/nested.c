/* Warn about members of a list that are inside others: once for each list and kind of overlap, at the first member. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "compiler/resolve/values/values.h"

/* The warning of a list: its first member, and the count */
struct told {
    const struct node *first; /* first member reported; NULL: none */
    struct span by;
    const struct symbol *inner, *outer;
    uint64_t count;
};

static void nested_note(struct told *t, const struct node *n, struct span by, const struct symbol *inner,
                        const struct symbol *outer)
{
    t->count++;
    if (t->first && t->first->span.start <= n->span.start) return;
    t->first = n;
    t->by = by;
    t->inner = inner;
    t->outer = outer;
}

const char *and_so_do(uint64_t more, char text[SO_DO_MAX])
{
    if (more == 0) return "";
    snprintf(text, SO_DO_MAX, more == 1 ? "; one more is similar" : "; %" PRIu64 " more are similar", more);
    return text;
}

static int compare_members(const void *pa, const void *pb)
{
    const struct set_member *a = pa, *b = pb;
    int d = a->lo.family - b->lo.family;
    d = d ? d : addr_compare(&a->lo, &b->lo);
    d = d ? d : -addr_compare(&a->hi, &b->hi);
    return d ? d : a->node->span.start < b->node->span.start ? -1 : 1;
}

static void tell_among(struct compile *c, const struct told *t, const char *does, const char *how)
{
    char more[SO_DO_MAX];
    if (!t->first) return;
    diag(c->diags, W_NESTED_MEMBERS, t->first->span, "this member %s another member of the list%s", does,
         and_so_do(t->count - 1, more));
    diag_note(c->diags, t->by, "that member %s this member", how);
}

/* Warn about a member that another one holds, and about one that overlaps another and is likely mistyped, at both
 * places. */
static void warn_among(struct compile *c, struct set_member *m, size_t n)
{
    const struct set_member *widest = NULL; /* the earlier member that reaches farthest */
    struct told inside = {0}, overlapping = {0};
    if (n > 1) qsort(m, n, sizeof(*m), compare_members);
    for (size_t i = 0; i < n; i++) {
        const bool known = widest && widest->lo.family == m[i].lo.family;
        if (known && addr_compare(&m[i].hi, &widest->hi) <= 0) {
            nested_note(&inside, m[i].node, widest->node->span, NULL, NULL);
            continue;
        }
        if (known && addr_compare(&m[i].lo, &widest->hi) <= 0)
            nested_note(&overlapping, m[i].node, widest->node->span, NULL, NULL);
        widest = &m[i];
    }
    tell_among(c, &inside, "is inside", "is part of");
    tell_among(c, &overlapping, "overlaps", "begins inside");
}

/* Warn about values that are inside named sets of the same list. */
static void warn_inside_named(struct compile *c, const struct set_member *m, size_t n, const struct node *list)
{
    enum { PAIRS_MAX = 1000000 };
    struct told inside = {0};
    char more[SO_DO_MAX];
    size_t pairs = 0;
    node_each(operand, list)
    {
        const struct symbol *sym = named_set(c, operand);
        for (size_t i = 0; sym && sym->state == STATE_DONE && i < n && pairs < PAIRS_MAX; i++, pairs++)
            if (set_holds(&sym->set, &m[i].lo, &m[i].hi)) nested_note(&inside, m[i].node, sym->span, NULL, sym);
    }
    if (!inside.first) return;
    diag(c->diags, W_NESTED_MEMBERS, inside.first->span, "this member is inside the set `%s` in the same list%s",
         inside.outer->name.s, and_so_do(inside.count - 1, more));
    diag_note(c->diags, inside.by, "`%s` is declared here", inside.outer->name.s);
}

/* Return a set of the list that holds all of `a`; of two equal sets, only the later one has a holder. */
static const struct symbol *holder(struct compile *c, const struct node *list, const struct node *a, size_t *pairs)
{
    enum { PAIRS_MAX = 10000, WORK_MAX = 1 << 26 };
    const struct symbol *inner = named_set(c, a);
    if (!inner || inner->state != STATE_DONE || set_is_empty(&inner->set)) return NULL;
    for (const struct node *b = list->first; b && (*pairs)++ < PAIRS_MAX; b = b->next) {
        const struct symbol *outer = b == a ? NULL : named_set(c, b);
        c->symbols->compared_ranges += set_size(&inner->set);
        if (c->symbols->compared_ranges > WORK_MAX) /* a warning is worth no more work */
            return NULL;
        if (outer && outer->state == STATE_DONE && set_within(&inner->set, &outer->set) &&
            (b->span.start <= a->span.start || !set_within(&outer->set, &inner->set)))
            return outer;
    }
    return NULL;
}

static void warn_named_inside_named(struct compile *c, const struct node *list)
{
    struct told inside = {0};
    char more[SO_DO_MAX];
    size_t pairs = 0;
    node_each(a, list)
    {
        const struct symbol *outer = holder(c, list, a, &pairs);
        if (outer) nested_note(&inside, a, outer->span, named_set(c, a), outer);
    }
    if (!inside.first) return;
    diag(c->diags, W_NESTED_MEMBERS, inside.first->span, "the set `%s` is inside the set `%s` in the same list%s",
         inside.inner->name.s, inside.outer->name.s, and_so_do(inside.count - 1, more));
    diag_note(c->diags, inside.by, "`%s` is declared here", inside.outer->name.s);
}

void warn_members(struct compile *c, struct set_member *m, size_t n, const struct node *list)
{
    warn_among(c, m, n);
    warn_inside_named(c, m, n, list);
    warn_named_inside_named(c, list);
}
