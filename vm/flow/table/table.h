/* The flow table: fixed memory, bounded work, no allocation after flow_table_new.
 *
 * An open table in groups of sixteen slots. A flow has two groups, by its seeded hash, and goes to the first while that
 * has slots to spare, else to the emptier; nothing is ever moved. Beside the 64-byte slots stands a dense array of
 * 16-bit tags (two bits of class, fourteen of hash; 0: free), so that a look-up reads 32 bytes, rarely twice, and then,
 * nearly always, exactly the slot it wants, a miss reads no slot at all, and whoever must make way is found by class
 * without touching slots. Tags are hints beside the claim word of the slot. Room for half as many flows again as
 * `flows`, and for their twins.
 *
 * Where both groups are full the least class yields, within it the longest idle. More than `half_open` half-open flows:
 * a hand goes round over the tags and the oldest of the first few it meets makes way. A flow whose timeout has passed
 * is gone: it is released when it is touched and by the sweep.
 *
 * A flow may have a twin: a slot under another tuple, which only leads back to it. Its tag is of the flow's class, its
 * end is the flow's; who must make way is asked of the flow, and both make way together. Counters count flows. */
#pragma once

#include <string.h>

#include "vm/flow/flow.h"
#include "vm/pbc.h"

enum { FLOW_NONE = -1 };

struct flow_table;
struct flow_bind; /* flow/bind.h */
struct recipe;    /* packet/edit/recipe.h */

/* Groups of sixteen slots that a table of that configuration has. */
uint32_t flow_table_groups(const struct flow_table_cfg *cfg);
/* NULL when memory is out. Memory is taken from the system as flows come, or ahead of them by who calls
 * flow_table_ahead: half as much as flows had at once, and 1 MiB. Another thread may, beside the table's own. */
struct flow_table *flow_table_new(const struct flow_table_cfg *cfg);
void flow_table_ahead(struct flow_table *t);
void flow_table_free(struct flow_table *t);
/* The timeouts of the settings, by state. */
void flow_timeouts(const struct pbc_settings *s, uint64_t timeout_ns[FLOW_STATES]);

uint64_t flow_hash(const struct flow_table *t, const struct flow_id *id);

/* The slot of the flow, or of its twin, FLOW_NONE if there is none. One whose timeout has passed is released and not
 * found. */
int32_t flow_find(struct flow_table *t, const struct flow_id *id, uint64_t hash, uint64_t now_ns);

/* The same and nothing changes: one whose timeout has passed is only not found. */
int32_t flow_peek(const struct flow_table *t, const struct flow_id *id, uint64_t hash, uint64_t now_ns);

/* How a flow begins. */
struct flow_first {
    const struct tcp_track *tcp; /* NULL: all 0 */
    uint64_t idle_ns;            /* with FLOW_OWN_IDLE */
    uint8_t state;               /* enum flow_state */
    uint8_t flags;               /* enum flow_flag, besides what the tuple says */
};
/* A slot for a flow whose tuple is not in the table, begun and seen now; what *first does not say is zero. Makes room
 * as above; FLOW_NONE only where others change the table, too (ops.h). */
int32_t flow_begin(struct flow_table *t, const struct flow_tuple *tuple, const struct flow_first *first,
                   uint64_t now_ns);

/* A twin of the flow in `slot`, which has none, under a tuple that is not in the table. Makes room as above, but never
 * of that flow; never fails. */
int32_t flow_add_twin(struct flow_table *t, int32_t slot, const struct flow_tuple *tuple, uint64_t now_ns);
/* The flow that a slot belongs to: itself, or the one whose twin it is. */
int32_t flow_of_twin(const struct flow_table *t, int32_t slot);

struct flow *flow_at(struct flow_table *t, int32_t slot);
struct flow_cold *flow_cold_at(struct flow_table *t, int32_t slot); /* IPv4: nothing without cfg.begins */
/* With cfg.bound alone. What was written for a flow stays until another has its slot. */
struct flow_bind *flow_bind_at(const struct flow_table *t, int32_t slot);
/* The whole tuple of a slot, or of one's lines. */
static inline void flow_id_in(const struct flow *f, const struct flow_cold *cold, struct flow_id *id)
{
    *id = (struct flow_id){.low = {f->low}, .high = {f->high}};
    memcpy(&id->rest, &f->low_port, sizeof id->rest);
    if (f->kind & FLOW_ID_IP6) memcpy(id->low, cold->low, sizeof id->low + sizeof id->high);
}
void flow_id_of(const struct flow_table *t, int32_t slot, struct flow_id *id);

/* Another state; more half-open flows than allowed make an older one yield, never this one. */
void flow_set_state(struct flow_table *t, int32_t slot, enum flow_state state, uint64_t now_ns);
/* Release the flow of this slot. */
void flow_end(struct flow_table *t, int32_t slot, enum flow_end how, uint64_t now_ns);

/* Release what has timed out in the next `groups` groups of sixteen; true while any flow is left. */
bool flow_sweep(struct flow_table *t, unsigned groups, uint64_t now_ns);
/* The same in parts: ends behind the group in which `slots` slots had been looked at, too; returns the groups done. */
unsigned flow_sweep_some(struct flow_table *t, unsigned groups, unsigned slots, uint64_t now_ns);
uint32_t flow_groups(const struct flow_table *t);
/* When its timeout passes, in mono_ns; saturates. */
uint64_t flow_deadline(const struct flow_table *t, const struct flow *f);

/* The next live flow, twins left out, at or after slot *at, which becomes the one after it; FLOW_NONE at the end. Flows
 * whose time has passed are given too. */
int32_t flow_next(const struct flow_table *t, uint32_t *at);
/* The same, but looks at no more than so many groups: FLOW_NONE also where they held none; flow_at_end tells. */
int32_t flow_next_near(const struct flow_table *t, uint32_t *at, uint32_t groups);
bool flow_at_end(const struct flow_table *t, uint32_t at);

/* All flows and their twins (keyed/archive.h), into a table that is new. Recipes and remembered verdicts are left out,
 * for they are found again; what bindings say is their owner's to check. Counters are those of what is there. */
struct archive;
bool flow_table_archive(struct flow_table *t, struct archive *a);

const struct flow_counters *flow_table_counters(const struct flow_table *t);
