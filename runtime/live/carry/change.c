/* A change is pending until each worker and proxy loop has taken it; until then labels of both programs are kept */
#include "runtime/live/carry/change.h"

#include "runtime/live/carry/part.h"
#include "runtime/live/carry/proxy/proxied.h"

bool change_pending(const struct carry *carry)
{
    if (!carry->change || !carry->change->offered) return false;
    for (unsigned i = 0; i < carry->worker_count; i++)
        if (__atomic_load_n(&carry->workers[i]->change, __ATOMIC_ACQUIRE)) return true;
    return proxied_pending(carry, carry->change->loops);
}

static const struct ruling *before_of(const struct carry *carry)
{
    return carry->change && carry->change->leaving.program ? &carry->change->leaving : NULL;
}

bool change_settled(const struct carry *carry) { return !before_of(carry); }

const struct labels *change_labels(const struct carry *carry, uint64_t serial)
{
    const struct ruling *before = before_of(carry);
    if (serial == carry->now.program->serial) return &carry->now.labels;
    return before && serial == before->program->serial ? &before->labels : NULL;
}
