/* Tuples of open connections, for whoever is left if this process dies (vm/flow/tuples.h) */
#include "vm/forward/inline/shared.h"

void shared_drop(const struct inline_share *s, uint32_t number, unsigned which)
{
    if (s->all && number < s->most) __atomic_store_n(&s->all->at[number][which].live, 0, __ATOMIC_RELEASE);
}

void shared_put(const struct inline_share *s, uint32_t number, unsigned which, const struct inline_tuple *t)
{
    if (!s->all || number >= s->most) return;
    struct inline_tuple *to = &s->all->at[number][which];
    *to = *t;
    to->live = 0;
    __atomic_store_n(&to->live, 1, __ATOMIC_RELEASE);
    if (number >= s->all->high) __atomic_store_n(&s->all->high, number + 1, __ATOMIC_RELEASE);
}
