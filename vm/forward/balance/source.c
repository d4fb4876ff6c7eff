/* Source: a client's address finds a slot as Maglev's flows do, whatever its ports, so a client keeps its server while
 * it can. One table read a pick; rendezvous hashing would disturb nothing at all, but read every server for every flow.
 */
#include <stdio.h>

#include "vm/forward/balance/lb_priv.h"

static void source_explain(const struct lb *lb, uint64_t hash, const uint32_t *conns, char *buf, size_t len)
{
    (void)conns;
    const uint32_t slot = slots_index(lb, hash);
    snprintf(buf, len, "hash of the source 0x%016llx, slot %u of %u", (unsigned long long)hash, slot, slots_count(lb));
    lb_explain_end(lb, slots_at(lb, slot), buf, len);
}

const struct lb_ops lb_ops_SOURCE = {
    .name = "source",
    .hash = LB_HASH_SOURCE,
    .bytes = slots_bytes,
    .init = slots_init,
    .update = slots_update,
    .pick = slots_pick,
    .explain = source_explain,
};
