/* The flow table: fixed memory, bounded work, no allocation after flow_table_new.
 *
 * An open table in groups of sixteen slots. A flow has two groups, by its seeded hash; it goes to the first while
 * that has slots to spare, else to the emptier, and is never moved. A large table has near groups, an eighth of all
 * but at most 2,048: a flow goes to its near group first, so a few flows are in few pages. Beside the 64-byte slots
 * is a dense array of 16-bit tags (three bits of class, thirteen of hash; 0: free). So a look-up reads 32 bytes,
 * rarely twice, then nearly always only the right slot; a miss reads no slot; and a flow to evict is found by class
 * without reading slots. Tags are hints beside the slot's taken word. There is room for half as many flows again as
 * `flows`, and for their twins.
 *
 * If both groups are full, the flow of the lowest class makes way, and within that class the one that was idle
 * longest. With more than `half_open` half-open flows, a hand goes round the tags, and the oldest of the next few
 * makes way. A flow whose timeout has passed counts as gone: it is released when touched, or by the sweep.
 *
 * A flow may have a twin: a slot under another tuple that only leads back to it. Its tag has the flow's class, it ends
 * with the flow, and the age that decides about eviction is the flow's. Counters count flows. */
#pragma once

#include <string.h>

#include "vm/flow/flow.h"
#include "vm/pbc.h"

enum { FLOW_NONE = -1 };

struct flow_table;
struct flow_bind; /* defined in flow/bind.h */
struct recipe;    /* defined in packet/edit/recipe.h */

/* Return the number of groups of a table of that configuration. */
uint32_t flow_table_groups(const struct flow_table_cfg *cfg);
/* Make a table; NULL: out of memory. The system gives memory as flows begin. flow_table_ahead takes it in advance,
 * also on another thread: half as much again as flows have used, plus 1 MiB. */
struct flow_table *flow_table_new(const struct flow_table_cfg *cfg);
void flow_table_ahead(struct flow_table *t, size_t least); /* least: bytes that count as used at least */
size_t flow_table_used(const struct flow_table *t);        /* bytes that flows have used; 0 in a shared table */
void flow_table_free(struct flow_table *t);
/* Write the timeouts of the settings, by state. */
void flow_timeouts(const struct pbc_settings *s, uint64_t timeout_ns[FLOW_STATES]);

uint64_t flow_hash(const struct flow_table *t, const struct flow_id *id);

/* Return the slot of the flow or of its twin, FLOW_NONE if there is none. An expired flow is released and not found. */
int32_t flow_find(struct flow_table *t, const struct flow_id *id, uint64_t hash, uint64_t now_ns);

/* The same without changes: an expired flow is not found, and not released */
int32_t flow_peek(const struct flow_table *t, const struct flow_id *id, uint64_t hash, uint64_t now_ns);

/* Initial state of a flow */
struct flow_first {
    const struct tcp_track *tcp;   /* NULL: an empty track */
    const struct flow_tuple *twin; /* tuple for flow_add_twin, added by the same operation of ops.h; NULL: none */
    uint64_t idle_ns;              /* timeout, with FLOW_OWN_IDLE */
    uint8_t state;                 /* enum flow_state */
    uint8_t flags;                 /* enum flow_flag, besides the bits of the tuple */
    uint8_t would;                 /* as in struct flow */
    bool astray;                   /* as in struct flow; the flow is not open yet */
};
/* Add a flow that is not in the table, begun and seen now; fields not in *first are zero. Makes room as above;
 * FLOW_NONE only if others change the table, too (ops.h). */
int32_t flow_begin(struct flow_table *t, const struct flow_tuple *tuple, const struct flow_first *first,
                   uint64_t now_ns);

/* Add a twin of the flow in `slot` under a tuple that is not in the table, unless flow_begin has added it. Makes
 * room as above, but never ends that flow; FLOW_NONE only if others change the table, too. */
int32_t flow_add_twin(struct flow_table *t, int32_t slot, const struct flow_tuple *tuple, uint64_t now_ns);
/* Return the slot of the flow that a slot belongs to: the slot itself or, for a twin, that of its flow. */
int32_t flow_of_twin(const struct flow_table *t, int32_t slot);

struct flow *flow_at(struct flow_table *t, int32_t slot);
struct flow_cold *flow_cold_at(struct flow_table *t, int32_t slot); /* IPv4: unused without cfg.begins */
/* Return the binding of a slot; only with cfg.bound. It stays until another flow has the slot. */
struct flow_bind *flow_bind_at(const struct flow_table *t, int32_t slot);
/* Write the complete tuple of the lines given, or of a slot (second function). */
static inline void flow_id_in(const struct flow *f, const struct flow_cold *cold, struct flow_id *id)
{
    *id = (struct flow_id){.low = {f->low}, .high = {f->high}};
    memcpy(&id->rest, &f->low_port, sizeof id->rest);
    if (f->kind & FLOW_ID_IP6) memcpy(id->low, cold->low, sizeof id->low + sizeof id->high);
}
void flow_id_of(const struct flow_table *t, int32_t slot, struct flow_id *id);

/* Set the state. If too many flows are then half open, an older one makes way, never this one. */
void flow_set_state(struct flow_table *t, int32_t slot, enum flow_state state, uint64_t now_ns);
/* Release the flow of this slot. */
void flow_end(struct flow_table *t, int32_t slot, enum flow_end how, uint64_t now_ns);

/* Copy the first line of the flow in a slot. False: the line kept changing. The second function releases that flow;
 * false: the flow has ended, and another may have its slot. The result is also right if other processors change the
 * table. */
bool flow_read(const struct flow_table *t, int32_t slot, struct flow *seen);
bool flow_end_seen(struct flow_table *t, int32_t slot, const struct flow *seen, enum flow_end how, uint64_t now_ns);

/* Release expired flows in the next `groups` groups of sixteen. True while any flow is left. */
bool flow_sweep(struct flow_table *t, unsigned groups, uint64_t now_ns);
/* The same in parts: also ends after the group in which `slots` slots were reached; returns the number of groups
 * swept */
unsigned flow_sweep_some(struct flow_table *t, unsigned groups, unsigned slots, uint64_t now_ns);
uint32_t flow_groups(const struct flow_table *t);
/* Return the time when the flow expires, in mono_ns; it saturates. */
uint64_t flow_deadline(const struct flow_table *t, const struct flow *f);

/* Return the next live flow (not a twin) at or after slot *at, and set *at behind it; FLOW_NONE at the end. Expired
 * flows are included. */
int32_t flow_next(const struct flow_table *t, uint32_t *at);
/* The same for at most `groups` groups: FLOW_NONE also if they hold no flow; flow_at_end shows the end */
int32_t flow_next_near(const struct flow_table *t, uint32_t *at, uint32_t groups);
bool flow_at_end(const struct flow_table *t, uint32_t at);

/* Add a flow of another worker's table with its twin and binding, without recipes and remembered verdicts. The
 * tables have the same configuration, and `from` is not shared. Both tuples get VLAN stack `stack` here. The flow
 * keeps all its times, and is not counted as begun. If this table has a flow with either tuple, the flow that was
 * seen last stays. FLOW_NONE: the other flow stays, or the flow has expired. */
int32_t flow_move(struct flow_table *t, const struct flow_table *from, int32_t slot, uint16_t stack, uint64_t now_ns);

/* Write all flows and twins, or read them into a new table (keyed/archive.h), without recipes and remembered
 * verdicts, which are made again. The bindings' owner checks them. Counters are set to the flows read. a->rest:
 * leave out the flows, because advance.h writes them. */
struct archive;
bool flow_table_archive(struct flow_table *t, struct archive *a);
/* Write or read only the bindings of a table that one process takes over from another. Meanwhile neither process
 * begins or ends bound flows, and the kernel goes on with all others. The bindings read must be those of exactly
 * these flows. */
bool flow_table_archive_binds(struct flow_table *t, struct archive *a);
size_t flow_table_bind_bytes(void); /* bytes of a binding in that archive */
/* True if the shared part beside the lines fits that many slots. */
bool flow_table_has(const struct flow_table *common, uint64_t slots);

const struct flow_counters *flow_table_counters(const struct flow_table *t);
