/* Statements of a service, pool, nat and the like on both sides: the same ones are paired in equal order, so the rest
 * came, went or moved. */
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"

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

static int by_text(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    const int order = strcmp(x->text, y->text);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

static struct placed *sorted(struct diff *d, const struct statements *p)
{
    struct placed *s = arena_alloc(d->c.arena, ((size_t)p->count + 1) * sizeof(*s));
    for (uint32_t i = 0; i < p->count; i++) s[i] = (struct placed){p->at[i], i};
    if (p->count > 1) qsort(s, p->count, sizeof(*s), by_text);
    return s;
}

/* Pair the nth of equal statements of one side with the nth of the other, whatever their order. Returns the pairs. */
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
