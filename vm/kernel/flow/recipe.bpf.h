/* The recipe of a packet's tuple, copied while user space may write another: it has a number of its own, which stands
 * in the slot before and after the copy (vm/flow/table/shared.h). */
#pragma once

#include "vm/flow/table/lookup.h"

/* Into k->recipe, and its kind: its number, or 0, there is none that holds. Then it is still to be asked whether the
 * slot is of the tuple, and after that whether the recipe is whole. */
static __always_inline uint32_t recipe_copy(struct kpkt *k)
{
    struct track_seen *s = &k->seen;
    const volatile struct flow *at = table_slot(TABLE, s->tuple);
    const volatile uint64_t *from = (const volatile uint64_t *)(const void *)table_recipe(TABLE, s->tuple);
    volatile uint64_t *line = (volatile uint64_t *)(void *)&k->recipe; /* word by word: no registers for all of them */
    const uint32_t published = at->published;
    if (!published) return 0;
    s->recipe = at->recipe;
    for (unsigned i = 0; i < sizeof k->recipe / 8; i++) line[i] = from[i];
    return s->recipe && k->recipe.generation == state_world.recipes ? published : 0;
}

static __always_inline bool recipe_is_whole(const struct kpkt *k, uint32_t published)
{
    const volatile struct flow *at = table_slot(TABLE, k->seen.tuple);
    return at->published == published;
}
