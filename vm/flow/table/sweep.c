/* Walks over the flow table: step by step for expired flows, or all of it for lists of flows */
#include <limits.h>

#include "vm/flow/table/shared.h"
#include "vm/flow/table/table_priv.h"

/* End an expired flow. In a table in the kernel, one call ends it and further expired flows before slot `end`. */
static void expire(struct flow_table *t, uint32_t slot, uint32_t end, uint64_t now_ns)
{
    enum { AT_ONCE = 16 * GROUP };
    if (!table_has_ops(t) || table_slot(t, slot)->flags & FLOW_BOUND)
        table_expire(t, slot, now_ns);
    else
        shared_sweep(t, slot, end - slot < AT_ONCE ? end : slot + AT_ONCE, now_ns);
}

/* Return the number of slots examined. end: the slot at which the sweep ends. */
static unsigned sweep_group(struct flow_table *t, uint32_t group, uint32_t end, uint64_t now_ns)
{
    const uint32_t all = tags_taken(table_group(t, group));
    table_ask_group(t, group + TABLE_AHEAD, false);
    for (uint32_t taken = all; taken; taken &= taken - 1) {
        const uint32_t slot = group * GROUP + tags_first(taken);
        if (*table_tag(t, slot) && !(table_slot(t, slot)->flags & FLOW_TWIN) &&
            table_expired(t, table_slot(t, slot), now_ns))
            expire(t, slot, end, now_ns);
    }
    return tags_count(all);
}

unsigned flow_sweep_some(struct flow_table *t, unsigned groups, unsigned slots, uint64_t now_ns)
{
    unsigned done = 0, looked = 0;
    if (groups > t->groups) groups = t->groups;
    for (; done < groups && looked < slots && table_common(t)->live; done++) {
        const uint32_t left = groups - done, all = t->groups - t->sweep_group;
        const uint32_t end = t->sweep_group + (left < all ? left : all);
        looked += sweep_group(t, t->sweep_group, end * GROUP, now_ns);
        t->sweep_group = t->sweep_group + 1 < t->groups ? t->sweep_group + 1 : 0;
    }
    return done;
}

bool flow_sweep(struct flow_table *t, unsigned groups, uint64_t now_ns)
{
    flow_sweep_some(t, groups, UINT_MAX, now_ns);
    return table_common(t)->live != 0;
}

int32_t flow_next_near(const struct flow_table *t, uint32_t *at, uint32_t groups)
{
    const uint32_t first = *at / GROUP, end = t->groups - first < groups ? t->groups : first + groups;
    for (uint32_t group = first, from = *at % GROUP; group < end; group++, from = 0) {
        uint32_t taken = tags_taken(table_group(t, group)) & (0xffffu << from);
        for (; taken; taken &= taken - 1) {
            const uint32_t slot = group * GROUP + tags_first(taken);
            if (table_slot(t, slot)->flags & FLOW_TWIN) continue;
            *at = slot + 1;
            return (int32_t)slot;
        }
    }
    *at = end * GROUP;
    return FLOW_NONE;
}

bool flow_at_end(const struct flow_table *t, uint32_t at) { return at == t->groups * GROUP; }

int32_t flow_next(const struct flow_table *t, uint32_t *at) { return flow_next_near(t, at, UINT32_MAX); }
