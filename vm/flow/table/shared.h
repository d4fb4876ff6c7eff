/* A process's use of a flow table that it shares with the kernel (ops.h). Private to vm/flow/. */
#pragma once

#include "vm/flow/table/flow_table.h"
#include "vm/flow/table/ops.h"

/* Make a table over that memory, keeping its contents. The caller does not free it. */
struct flow_table *table_over(const struct flow_ops *ops, const struct flow_table_cfg *cfg);

/* Read the line of a slot as it was at one moment; false: the slot is free. */
bool table_read(const struct flow_table *t, int32_t slot, struct flow *f);

/* Do what table_release (over: only if the flow has expired), flow_begin and flow_add_twin do, by operations of
 * ops.h. FLOW_NONE: the flow that has the tuple or should make way may not be ended by the process, or keeps
 * changing. */
bool shared_end(struct flow_table *t, int32_t slot, enum flow_end how, bool over, uint64_t now_ns);
/* End, without a report, a bound flow whose binding this process does not have. */
void shared_forget(struct flow_table *t, int32_t slot);
/* Release expired plain flows in slots [slot, until), not always all. The flow in `slot` has expired. */
void shared_sweep(struct flow_table *t, uint32_t slot, uint32_t until, uint64_t now_ns);
int32_t shared_begin(struct flow_table *t, const struct flow_tuple *tuple, const struct flow_first *first,
                     uint64_t now_ns);
int32_t shared_add_twin(struct flow_table *t, int32_t slot, const struct flow_tuple *tuple, uint64_t now_ns);
/* Update a flow that was read into *f: write the numbers and seen_ns that *f has now, set the state of *now, add its
 * flags. False: the flow has changed since. */
bool shared_set(struct flow_table *t, int32_t slot, const struct flow *f, const struct flow_first *now,
                uint64_t now_ns);

/* Write the recipe of that slot's tuple, while the kernel may copy it. Each written recipe has its own number, stored
 * in the slot after all else; a reader checks the number again after copying. */
void shared_put_recipe(struct flow_table *t, int32_t slot, uint8_t kind, const struct recipe *made);
