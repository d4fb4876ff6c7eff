#include "runtime/live/carry/change.h"

#include "runtime/live/carry/proxy/proxied.h"

bool change_pending(const struct live *l)
{
    if (!l->carry.offered) return false;
    for (unsigned i = 0; i < l->carry.worker_count; i++)
        if (__atomic_load_n(&l->carry.workers[i]->change, __ATOMIC_ACQUIRE)) return true;
    return proxied_pending(l, l->carry.loops_change);
}

bool change_settled(const struct live *l) { return !l->carry.before; }

const struct labels *change_labels(const struct live *l, const struct program *p)
{
    const struct ruling *before = l->carry.before;
    if (p == l->carry.now.program) return &l->carry.now.labels;
    return before && p == before->program ? &before->labels : NULL;
}
