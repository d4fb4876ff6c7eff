/* Maglev: the flow's hash selects a slot, and the slot has a server. Machines that know the same servers agree
 * without communication, and a server that leaves moves few of the others' flows: see slots.c. A pick is one table
 * read. */
#include "vm/forward/balance/balance_priv.h"

const struct lb_ops lb_ops_MAGLEV = {
    .name = "maglev",
    .hash = LB_HASH_FLOW,
    .bytes = slots_bytes,
    .init = slots_init,
    .update = slots_update,
    .pick = slots_pick,
    .explain = slots_explain,
};
