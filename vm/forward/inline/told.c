/* Answers to the proxy loop about its connections (vm/flow/spliced.h), in order */
#include "vm/forward/inline/conns_priv.h"

void inlines_tell_loop(struct inlines *all, const struct inline_told *told)
{
    struct told *t = all->told;
    if (t->put - t->taken < TOLD_MOST) t->of[t->put++ % TOLD_MOST] = *told;
}

bool inlines_told(struct inlines *all, struct inline_told *told)
{
    struct told *t = all->told;
    if (t->put == t->taken) return false;
    *told = t->of[t->taken++ % TOLD_MOST];
    return true;
}
