/* Walking the flow table: a little at a time for what has timed out, or all of it for who lists flows. */
#include "vm/flow/table_priv.h"

static void sweep_group(struct flow_table *t, uint32_t group, uint64_t now_ns)
{
    for (uint32_t taken = tags_taken(table_group(t, group)); taken; taken &= taken - 1) {
        const uint32_t slot = group * GROUP + tags_first(taken);
        if (t->tags[slot] && !(table_slot(t, slot)->flags & FLOW_TWIN) && table_expired(t, table_slot(t, slot), now_ns))
            table_expire(t, slot, now_ns);
    }
}

bool flow_sweep(struct flow_table *t, unsigned groups, uint64_t now_ns)
{
    if (groups > t->groups) groups = t->groups;
    for (; groups && t->live; groups--) {
        sweep_group(t, t->sweep_group, now_ns);
        t->sweep_group = t->sweep_group + 1 < t->groups ? t->sweep_group + 1 : 0;
    }
    return t->live != 0;
}

int32_t flow_next(const struct flow_table *t, uint32_t *at)
{
    for (uint32_t group = *at / GROUP, from = *at % GROUP; group < t->groups; group++, from = 0) {
        uint32_t taken = tags_taken(table_group(t, group)) & (0xffffu << from);
        for (; taken; taken &= taken - 1) {
            const uint32_t slot = group * GROUP + tags_first(taken);
            if (table_slot(t, slot)->flags & FLOW_TWIN) continue;
            *at = slot + 1;
            return (int32_t)slot;
        }
    }
    *at = t->groups * GROUP;
    return FLOW_NONE;
}
