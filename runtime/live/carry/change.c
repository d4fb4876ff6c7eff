#include "runtime/live/carry/change.h"

#include "runtime/live/carry/proxy/proxied.h"

bool change_pending(const struct carry *carry)
{
    if (!carry->offered) return false;
    for (unsigned i = 0; i < carry->worker_count; i++)
        if (__atomic_load_n(&carry->workers[i]->change, __ATOMIC_ACQUIRE)) return true;
    return proxied_pending(carry, carry->loops_change);
}

bool change_settled(const struct carry *carry) { return !carry->before; }

const struct labels *change_labels(const struct carry *carry, uint64_t serial)
{
    const struct ruling *before = carry->before;
    if (serial == carry->now.program->serial) return &carry->now.labels;
    return before && serial == before->program->serial ? &before->labels : NULL;
}
