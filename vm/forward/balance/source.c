/* Source: a client's address finds a slot as Maglev's flows do, whatever its ports, so a client keeps its server while
 * it can. One table read a pick; rendezvous hashing would disturb nothing at all, but read every server for every flow.
 */
#include "vm/forward/balance/lb_priv.h"

const struct lb_ops lb_ops_SOURCE = {
    .name = "source",
    .hash = LB_HASH_SOURCE,
    .bytes = slots_bytes,
    .init = slots_init,
    .update = slots_update,
    .pick = slots_pick,
    .explain = slots_explain,
};
