/* Copy a recipe while user space may write another: each recipe has a number, which the reader compares before and
 * after the copy (vm/flow/table/shared.h). */
#pragma once

#include "vm/flow/table/lookup.h"
#include "vm/forward/ordinary.h"

/* Copy the recipe of the packet's tuple, whose line is `at`, into k->recipe, and its kind into s->recipe. Return its
 * number, or 0 if it is not valid. Afterwards check that the slot belongs to the tuple (table_is_of), and then that
 * the copy is complete (recipe_is_whole). */
static __always_inline uint32_t recipe_copy(struct kpkt *k, const volatile struct flow *at)
{
    struct track_seen *s = &k->seen;
    const volatile uint64_t *from = (const volatile uint64_t *)(const void *)table_recipe(TABLE, s->tuple);
    volatile uint64_t *line =
        (volatile uint64_t *)(void *)&k->recipe; /* word by word, because registers can't hold all of them */
    const uint32_t published = at->published;
    if (!published) return 0;
    s->recipe = at->recipe;
    for (unsigned i = 0; i < sizeof k->recipe / 8; i++) line[i] = from[i];
    return s->recipe && k->recipe.generation == state_world.recipes ? published : 0;
}

static __always_inline bool recipe_is_whole(const volatile struct flow *at, uint32_t published)
{
    return at->published == published;
}

/* Return the length in bytes of the longest IP packet that may leave by the packet's recipe. */
static inline uint32_t recipe_longest(const struct kpkt *k)
{
    const uint32_t out = k->recipe.out_if, kind = k->seen.recipe & (RECIPE_KINDS - 1);
    const uint32_t mtu = out < KERNEL_WAYS ? state_ways[out & (KERNEL_WAYS - 1)].mtu : 0;
    return mtu && recipe_fits_way(&k->recipe, (uint8_t)kind, k->seen.twin) ? mtu : state_world.longest[kind];
}
