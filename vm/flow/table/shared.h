/* A flow table that others change, too, as a process uses it (ops.h). Private to vm/flow/. */
#pragma once

#include "vm/flow/table/ops.h"
#include "vm/flow/table/table.h"

/* The table over that memory; what is in it stays. It is not the caller's to free. */
struct flow_table *table_over(const struct flow_ops *ops, const struct flow_table_cfg *cfg);

/* The line of a slot as it was at one moment; false: it is free. */
bool table_read(const struct flow_table *t, int32_t slot, struct flow *f);

/* As table_release of a flow, flow_begin and flow_add_twin. FLOW_NONE: who has the tuple, or would have to make way, is
 * not the process's to end, or is changed all the time. */
bool shared_release(struct flow_table *t, int32_t slot, enum flow_end how, uint64_t now_ns);
/* The same, while its time is over. */
bool shared_expire(struct flow_table *t, int32_t slot, enum flow_end how, uint64_t now_ns);
/* All plain flows of the slots from `slot` to before `until` whose time is over, or some of them; the first is one. */
void shared_sweep(struct flow_table *t, uint32_t slot, uint32_t until, uint64_t now_ns);
int32_t shared_begin(struct flow_table *t, const struct flow_tuple *tuple, const struct flow_first *first,
                     uint64_t now_ns);
int32_t shared_add_twin(struct flow_table *t, int32_t slot, const struct flow_tuple *tuple, uint64_t now_ns);
/* It has these flags besides. */
void shared_change(struct flow_table *t, int32_t slot, uint8_t flags, uint64_t now_ns);
/* A flow that was read as *f, but for its numbers and when it was seen, gets those; its state, and flags besides, are
 * *now's. False: it was changed since. */
bool shared_set(struct flow_table *t, int32_t slot, const struct flow *f, const struct flow_first *now,
                uint64_t now_ns);

/* The recipe of that slot's tuple, for its ordinary packets. The kernel copies it meanwhile: each that is written has a
 * number of its own, which stands in the slot when all of it does; who has copied looks whether it still stands there.
 */
void shared_put_recipe(struct flow_table *t, int32_t slot, uint8_t kind, const struct recipe *made);
