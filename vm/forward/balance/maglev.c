/* Maglev: the flow's hash finds a slot, the slot has a server. Machines that know the same servers agree without a
 * word, and a server that goes takes few of the others' flows along: see slots.c. A pick is one read of the table. */
#include "vm/forward/balance/lb_priv.h"

const struct lb_ops lb_ops_MAGLEV = {
    .name = "maglev",
    .hash = LB_HASH_FLOW,
    .bytes = slots_bytes,
    .init = slots_init,
    .update = slots_update,
    .pick = slots_pick,
    .explain = slots_explain,
};
