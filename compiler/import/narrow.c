/* Combine two conditions of one rule on the same subject. prey has one condition for each subject, so the
 * intersection of written numbers or addresses is computed, and named sets of addresses become a set made of two. */
#include <stdlib.h>
#include <string.h>

#include "compiler/import/model.h"
#include "lang/heap.h"

static int extent_order(const void *a, const void *b)
{
    const struct extent *x = a, *y = b;
    if (x->family != y->family) return x->family < y->family ? -1 : 1;
    return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* Return the list sorted, with overlaps merged; the caller frees `of`. */
static struct list tidy(const struct list *l)
{
    const struct list *from = l->set ? &l->set->members : l;
    struct extent *sorted = heap_zeroed(from->count + 1, sizeof(*sorted));
    struct list out = {.negated = l->negated, .of = sorted};
    if (from->count) memcpy(sorted, from->of, from->count * sizeof(*sorted));
    qsort(sorted, from->count, sizeof(*sorted), extent_order);
    for (uint32_t i = 0; i < from->count; i++) {
        struct extent *last = out.count ? &out.of[out.count - 1] : NULL;
        if (last && last->family == sorted[i].family && (sorted[i].lo <= last->hi || sorted[i].lo == last->hi + 1)) {
            if (sorted[i].hi > last->hi) last->hi = sorted[i].hi;
        } else {
            out.of[out.count++] = sorted[i];
        }
    }
    return out;
}

/* Return the intersection of two tidy lists. */
static struct list both(const struct list *x, const struct list *y, struct arena *a)
{
    struct list out = {0};
    for (uint32_t i = 0, k = 0; i < x->count && k < y->count;) {
        const struct extent *p = &x->of[i], *q = &y->of[k];
        const wide lo = p->lo > q->lo ? p->lo : q->lo, hi = p->hi < q->hi ? p->hi : q->hi;
        if (p->family == q->family && lo <= hi)
            list_add(&out, (struct extent){.lo = lo, .hi = hi, .family = p->family}, a);
        if (p->family != q->family ? p->family < q->family : p->hi < q->hi)
            i++;
        else
            k++;
    }
    return out;
}

/* Return x without y, both tidy. */
static struct list without(const struct list *x, const struct list *y, struct arena *a)
{
    struct list out = {0};
    for (uint32_t i = 0, k = 0; i < x->count; i++) {
        struct extent left = x->of[i];
        bool gone = false;
        while (k < y->count &&
               (y->of[k].family < left.family || (y->of[k].family == left.family && y->of[k].hi < left.lo)))
            k++;
        for (uint32_t at = k; !gone && at < y->count; at++) {
            const struct extent *cut = &y->of[at];
            if (cut->family != left.family || cut->lo > left.hi) break;
            if (cut->lo > left.lo)
                list_add(&out, (struct extent){.lo = left.lo, .hi = cut->lo - 1, .family = left.family}, a);
            gone = cut->hi >= left.hi;
            left.lo = cut->hi + 1;
        }
        if (!gone) list_add(&out, left, a);
    }
    return out;
}

static struct list lists_joined(const struct list *x, const struct list *y, struct arena *a)
{
    struct list out = {.negated = x->negated};
    for (uint32_t i = 0; i < x->count; i++) list_add(&out, x->of[i], a);
    for (uint32_t i = 0; i < y->count; i++) list_add(&out, y->of[i], a);
    return out;
}

static bool has_pattern(const struct list *l)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (strchr(l->of[i].word, '*') || !strcmp(l->of[i].word, "multicast")) return true;
    return false;
}

/* Return the words of x that are in y or, without `in`, the words of x that y lacks. */
static struct list chosen(const struct list *x, const struct list *y, bool in, struct arena *a)
{
    struct list out = {0};
    for (uint32_t i = 0; i < x->count; i++)
        if (list_has_word(y, x->of[i].word) == in) list_add(&out, x->of[i], a);
    return out;
}

static void narrow_words(struct rule *r, struct condition *c, struct list l, struct arena *a)
{
    if (c->list.negated && l.negated) {
        c->list = lists_joined(&c->list, &l, a);
    } else if (has_pattern(&c->list) || has_pattern(&l)) {
        rule_unsaid(r, "the rule has two patterns for one field");
    } else if (c->list.negated != l.negated) {
        c->list = chosen(c->list.negated ? &l : &c->list, c->list.negated ? &c->list : &l, false, a);
    } else {
        c->list = chosen(&c->list, &l, true, a);
    }
}

static void narrow_numbers(struct condition *c, const struct list *l, struct arena *a)
{
    const struct list x = tidy(&c->list), y = tidy(l);
    if (x.negated && y.negated)
        c->list = lists_joined(&x, &y, a);
    else if (x.negated)
        c->list = without(&y, &x, a);
    else if (y.negated)
        c->list = without(&x, &y, a);
    else
        c->list = both(&x, &y, a);
    free(x.of);
    free(y.of);
}

static bool has_self(const struct list *l)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (l->of[i].word) return true;
    return false;
}

/* Return the list as a set, to combine with another set. */
static struct set *as_set(struct ruleset *s, const struct list *l)
{
    if (l->set) return l->set;
    struct set *set = ruleset_made_set(s, "listed");
    set->members = *l;
    set->members.negated = false;
    return set;
}

static void narrow_addresses(struct ruleset *s, struct rule *r, struct condition *c, const struct list *l)
{
    if (has_self(&c->list) || has_self(l)) {
        /* `self` can't be a member of a set: only two negated lists can be combined. */
        if (c->list.negated && l->negated && !c->list.set && !l->set)
            c->list = lists_joined(&c->list, l, s->arena);
        else
            rule_unsaid(r, "the rule combines this machine's addresses with others");
        return;
    }
    if (!c->list.set && !l->set) {
        narrow_numbers(c, l, s->arena);
        return;
    }
    enum { DEEP = 32 };
    const struct list *first = c->list.negated ? l : &c->list, *second = c->list.negated ? &c->list : l;
    if (first->negated) {
        rule_unsaid(r, "the rule excludes two sets of addresses");
        return;
    }
    if (first->set && first->set->depth == DEEP) {
        rule_unsaid(r, "the rule has more than 32 sets of addresses");
        return;
    }
    struct set *made = ruleset_made_set(s, second->negated ? "apart" : "both");
    made->left = as_set(s, first);
    made->right = as_set(s, second);
    made->except = second->negated;
    made->depth = (uint8_t)(made->left->depth + 1);
    c->list = (struct list){.set = made};
}

void rule_want(struct ruleset *s, struct rule *r, enum about about, struct list l)
{
    static const enum about_kind kinds[] = {
#define ABOUT(ident, words, kind) ABOUT_##kind,
#include "compiler/import/about.def"
    };
    struct condition **at = &r->conditions;
    if (!ruleset_spend(s, 1)) return;
    while (*at && (*at)->about < about) at = &(*at)->next;
    struct condition *c = *at;
    if (!c || c->about != about) {
        c = arena_alloc(s->arena, sizeof(*c));
        *c = (struct condition){.next = *at, .about = about, .list = l};
        *at = c;
    } else if (!ruleset_spend(s, (uint64_t)c->list.count + l.count)) {
        return;
    } else if (kinds[about] == ABOUT_WORDS) {
        narrow_words(r, c, l, s->arena);
    } else if (kinds[about] == ABOUT_ADDRESSES) {
        narrow_addresses(s, r, c, &l);
    } else {
        narrow_numbers(c, &l, s->arena);
    }
    r->never |= !c->list.set && !c->list.count && !c->list.negated;
}
