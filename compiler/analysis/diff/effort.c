/* Bound the work of reading a program. Rules share conditions, conditions share operands, pools and nats share sets: a
 * small program by somebody else may name them again and again. */
#include <stdlib.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "lang/heap.h"

#define EFFORT_MOST                                                                                                    \
    (UINT64_C(1) << 26) /* some seconds; above what any packet may be tried against in a good program \ */

/* Return the work of a condition; `on` is compared with every interface (import.c). */
static uint64_t of_cond(const struct program *p, const struct pbc_cond *c)
{
    return 1 + (uint64_t)c->count + (cond_info[c->kind].traits & COND_IFACES ? p->ifaces_count : 0);
}

/* Return an array: entry i is the work of the first i conditions, or of the first i sets (second function). */
static uint64_t *conds_before(const struct program *p)
{
    uint64_t *before = heap_resized(NULL, (size_t)p->conds_count + 1, sizeof(*before));
    before[0] = 0;
    for (uint32_t i = 0; i < p->conds_count; i++) before[i + 1] = before[i] + of_cond(p, &p->conds[i]);
    return before;
}

static uint64_t *sets_before(const struct program *p)
{
    uint64_t *before = heap_resized(NULL, (size_t)p->sets_count + 1, sizeof(*before));
    before[0] = 0;
    for (uint32_t i = 0; i < p->sets_count; i++) before[i + 1] = before[i] + 1 + p->sets[i].count4 + p->sets[i].count6;
    return before;
}

/* Add, saturating above EFFORT_MOST. */
static void sums_add(uint64_t *sum, const uint64_t *before, uint32_t first, uint32_t count)
{
    if (*sum <= EFFORT_MOST) *sum += 1 + before[first + count] - before[first];
}

static uint64_t effort(const struct program *p, const uint64_t *conds, const uint64_t *sets)
{
    uint64_t sum = conds[p->conds_count];
    for (uint32_t i = 0; i < p->rules_count; i++) sums_add(&sum, conds, p->rules[i].conds, p->rules[i].cond_count);
    for (uint32_t i = 0; i < p->branches_count; i++)
        sums_add(&sum, conds, p->branches[i].conds, p->branches[i].cond_count);
    for (uint32_t i = 0; i < p->pools_count; i++) sums_add(&sum, sets, p->pools[i].sources, p->pools[i].source_count);
    for (uint32_t i = 0; i < p->nats_count; i++) {
        sums_add(&sum, sets, p->nats[i].from, p->nats[i].from_count);
        sums_add(&sum, sets, p->nats[i].outside, p->nats[i].outside_count);
        sums_add(&sum, conds, p->nats[i].conds, p->nats[i].cond_count);
    }
    return sum;
}

bool bound_effort(struct diff *d, const struct side *s)
{
    uint64_t *conds = conds_before(s->program), *sets = sets_before(s->program);
    const uint64_t sum = effort(s->program, conds, sets);
    free(conds);
    free(sets);
    if (sum <= EFFORT_MOST) return true;
    return diff_fail(d, "the rules of the %s one ask for more than %llu conditions and operands together",
                     s == &d->side[OLD] ? "old" : "new", (unsigned long long)EFFORT_MOST);
}
