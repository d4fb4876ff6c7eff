/* Source: a client's address, without ports, selects a slot as in Maglev, so a client keeps its server while possible.
 * A pick is one table read; rendezvous hashing would move no other client, but read every server for every flow. */
#include "vm/forward/balance/balance_priv.h"

const struct lb_ops lb_ops_SOURCE = {
    .name = "source",
    .hash = LB_HASH_SOURCE,
    .bytes = slots_bytes,
    .init = slots_init,
    .update = slots_update,
    .pick = slots_pick,
    .explain = slots_explain,
};
