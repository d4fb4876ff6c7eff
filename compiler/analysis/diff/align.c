/* Pair equal items of two lists as twins: rules of firewalls, or statements of a service, pool, nat and the like.
 * Any twins in equal order are correct, and more twins save work (README.md). The nth of equal items of one list is
 * paired with the nth of the other. Of all pairs, the longest run that ascends on both sides is kept. "Patience
 * diff" pairs only lines that occur once. The later of two equal rules is dead. */
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"

static bool same_item(const struct diff *d, const struct item *a, const struct item *b)
{
    const struct pbc_rule *r = &d->c.image->rules[a->rule], *q = &d->c.image->rules[b->rule];
    return a->hash == b->hash && r->verdict == q->verdict && r->answer == q->answer && r->port == q->port &&
           !a->loose && !b->loose && memcmp(a->product, b->product, sizeof(*a->product)) == 0;
}

/* Items by hash, in chains; each item is taken once */
struct table {
    uint32_t *head, *next, mask;
};

/* Build the table; equal items come out in their order. */
static struct table table_of(struct diff *d, const struct items *l, uint32_t from, uint32_t to)
{
    struct table t = {.mask = 63};
    while (t.mask < 2 * (to - from)) t.mask = t.mask * 2 + 1;
    t.head = arena_alloc(d->c.arena, ((size_t)t.mask + 1) * sizeof(*t.head));
    t.next = arena_alloc(d->c.arena, ((size_t)l->count + 1) * sizeof(*t.next));
    for (uint32_t i = to; i-- > from;) {
        uint32_t *head = &t.head[l->item[i].hash & t.mask];
        t.next[i] = *head;
        *head = i + 1;
    }
    return t;
}

static uint32_t item_take(const struct diff *d, struct table *t, const struct items *l, const struct item *wanted)
{
    for (uint32_t *at = &t->head[wanted->hash & t->mask]; *at; at = &t->next[*at - 1]) {
        const uint32_t found = *at - 1;
        if (!same_item(d, &l->item[found], wanted)) continue;
        *at = t->next[found];
        return found;
    }
    return PBC_NONE;
}

/* Keep the longest ascending run of `twin`, which has places on the other side or PBC_NONE, and set the rest to
 * PBC_NONE. Returns the run's length. Patience sorting: last[k] ends the best run of k + 1. */
static uint32_t keep_ascending(struct diff *d, uint32_t *twin, uint32_t count)
{
    uint32_t *last = arena_alloc(d->c.arena, ((size_t)count + 1) * sizeof(*last)), length = 0;
    uint32_t *before = arena_alloc(d->c.arena, ((size_t)count + 1) * sizeof(*before));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t lo = 0, hi = length;
        if (twin[i] == PBC_NONE) continue;
        while (lo < hi) {
            const uint32_t mid = lo + (hi - lo) / 2;
            if (twin[last[mid]] < twin[i])
                lo = mid + 1;
            else
                hi = mid;
        }
        before[i] = lo ? last[lo - 1] : PBC_NONE;
        last[lo] = i;
        if (lo == length) length++;
    }
    uint32_t kept = length ? last[length - 1] : PBC_NONE;
    for (uint32_t i = count; i-- > 0;) {
        if (i == kept)
            kept = before[i];
        else
            twin[i] = PBC_NONE;
    }
    return length;
}

static void pair(struct items lists[SIDES], uint32_t i, uint32_t j)
{
    lists[OLD].item[i].twin = j;
    lists[NEW].item[j].twin = i;
}

void align(struct diff *d, struct items lists[SIDES])
{
    struct items *old = &lists[OLD], *new = &lists[NEW];
    uint32_t begin = 0, end[SIDES] = {old->count, new->count};
    for (; begin < end[OLD] && begin < end[NEW] && same_item(d, &old->item[begin], &new->item[begin]); begin++)
        pair(lists, begin, begin);
    while (end[OLD] > begin && end[NEW] > begin && same_item(d, &old->item[end[OLD] - 1], &new->item[end[NEW] - 1]))
        pair(lists, --end[OLD], --end[NEW]);
    if (begin == end[OLD] || begin == end[NEW]) return;
    struct table t = table_of(d, new, begin, end[NEW]);
    uint32_t *twin = arena_alloc(d->c.arena, (size_t)(end[OLD] - begin) * sizeof(*twin));
    for (uint32_t i = begin; i < end[OLD]; i++) twin[i - begin] = item_take(d, &t, new, &old->item[i]);
    keep_ascending(d, twin, end[OLD] - begin);
    for (uint32_t i = begin; i < end[OLD]; i++)
        if (twin[i - begin] != PBC_NONE) pair(lists, i, twin[i - begin]);
}

/* Statements ------------------------------------------------------------------------------------------------------- */

/* Split text into its lines, in the arena. */
static void split(struct diff *d, const char *text, struct statements *p)
{
    char *at = text ? arena_strndup(d->c.arena, text, strlen(text)) : NULL;
    uint32_t lines = at != NULL;
    for (const char *c = at; c && *c; c++) lines += *c == '\n';
    *p = (struct statements){.at = arena_alloc(d->c.arena, ((size_t)lines + 1) * sizeof(*p->at)),
                             .twin = arena_alloc(d->c.arena, ((size_t)lines + 1) * sizeof(*p->twin))};
    while (at) {
        char *end = strchr(at, '\n');
        if (end) *end = '\0';
        p->twin[p->count] = PBC_NONE;
        p->at[p->count++] = at;
        at = end ? end + 1 : NULL;
    }
}

/* A place and its text, to be sorted */
struct placed {
    const char *text;
    uint32_t at;
};

static int line_order(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    const int order = strcmp(x->text, y->text);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

static struct placed *sorted(struct diff *d, const struct statements *p)
{
    struct placed *s = arena_alloc(d->c.arena, ((size_t)p->count + 1) * sizeof(*s));
    for (uint32_t i = 0; i < p->count; i++) s[i] = (struct placed){p->at[i], i};
    if (p->count > 1) qsort(s, p->count, sizeof(*s), line_order);
    return s;
}

/* Pair the nth of equal statements of one side with the nth of the other, whatever their order. Returns the number
 * of pairs. */
static uint32_t pair_equal(struct diff *d, struct statements to[SIDES])
{
    const struct placed *old = sorted(d, &to[OLD]), *new = sorted(d, &to[NEW]);
    uint32_t i = 0, j = 0, pairs = 0;
    while (i < to[OLD].count && j < to[NEW].count) {
        const int order = strcmp(old[i].text, new[j].text);
        if (order == 0) to[OLD].twin[old[i].at] = new[j].at, pairs++;
        i += order <= 0;
        j += order >= 0;
    }
    return pairs;
}

bool statements_twins(struct diff *d, const struct route_change *r, struct statements to[SIDES])
{
    split(d, r->was, &to[OLD]);
    split(d, r->now, &to[NEW]);
    return to[OLD].count == to[NEW].count && pair_equal(d, to) == to[OLD].count;
}

bool statements_pair(struct diff *d, const struct route_change *r, struct statements to[SIDES])
{
    split(d, r->was, &to[OLD]);
    split(d, r->now, &to[NEW]);
    const uint32_t pairs = pair_equal(d, to), kept = keep_ascending(d, to[OLD].twin, to[OLD].count);
    for (uint32_t i = 0; i < to[OLD].count; i++)
        if (to[OLD].twin[i] != PBC_NONE) to[NEW].twin[to[OLD].twin[i]] = i;
    return kept < pairs;
}
