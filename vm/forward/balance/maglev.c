/* Maglev: the flow's hash finds a slot, the slot has a server. Machines that know the same servers agree without a
 * word, and a server that goes takes few of the others' flows along: see slots.c. A pick is one read of the table. */
#include <stdio.h>

#include "vm/forward/balance/lb_priv.h"

static void maglev_explain(const struct lb *lb, uint64_t hash, const uint32_t *conns, char *buf, size_t len)
{
    (void)conns;
    const uint32_t slot = slots_index(lb, hash);
    snprintf(buf, len, "hash 0x%016llx, slot %u of %u", (unsigned long long)hash, slot, slots_count(lb));
    lb_explain_end(lb, slots_at(lb, slot), buf, len);
}

const struct lb_ops lb_ops_MAGLEV = {
    .name = "maglev",
    .hash = LB_HASH_FLOW,
    .bytes = slots_bytes,
    .init = slots_init,
    .update = slots_update,
    .pick = slots_pick,
    .explain = maglev_explain,
};
