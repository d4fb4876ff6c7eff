/* Messages to the proxy loop about its connections (vm/flow/spliced.h), in order */
#include <stdlib.h>

#include "vm/forward/inline/conns_priv.h"

struct told *told_new(uint32_t connections)
{
    uint32_t most = 1;
    while (most < TOLD_EACH * connections) most *= 2;
    struct told *t = calloc(1, sizeof *t + most * sizeof *t->of);
    if (t) t->most = most;
    return t;
}

void inlines_tell_loop(struct inlines *all, const struct inline_told *told)
{
    struct told *t = all->told;
    if (t->put - t->taken == t->most) return;
    struct inline_told *to = &t->of[t->put++ % t->most];
    *to = *told;
    to->former = told->number < all->numbers.high && all->at[told->number].former;
}

bool inlines_told(struct inlines *all, struct inline_told *told)
{
    struct told *t = all->told;
    if (t->put == t->taken) return false;
    *told = t->of[t->taken++ % t->most];
    return true;
}
