/* Writing of flows in advance, while they go on changing; flow_table_archive writes the rest. Groups are written one
 * by one, and again if they have changed since. The reader replaces its own group by each one that it reads. Flows
 * begin and end between two parts, so a flow and its twin may come apart: the copy is consistent only at the end.
 *
 * Call these functions only while the table doesn't change, and not for a table that others change, too (ops.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct archive;
struct flow_table;

/* ---- writing ---- */

/* Note from now on which groups change; all groups with flows count as changed. False: out of memory. */
bool flow_advance_begin(struct flow_table *t);
void flow_advance_end(struct flow_table *t);
/* Return the number of groups that have changed since they were written. */
uint32_t flow_advance_left(const struct flow_table *t);
/* Write groups that have changed, from group *hand on: until about `slots` slots are written, the archive has little
 * room left, or the table ends; *hand is then flow_groups. */
bool flow_advance_write(struct flow_table *t, struct archive *a, uint32_t *hand, unsigned slots);

/* ---- reading ---- */

/* Called for a flow, not for a twin, that has come into a slot, or is about to leave it. False: the flow is invalid. */
typedef bool flow_advance_fn(void *arg, int32_t slot, bool comes);

/* Read what one call of flow_advance_write wrote. The input is hostile. */
bool flow_advance_read(struct flow_table *t, struct archive *a, flow_advance_fn *moved, void *arg);
/* Check the groups that changed since their last check, as far as they are consistent, so that less is left for the
 * end. */
void flow_advance_check(struct flow_table *t);
/* Check the rest. False if slots do not agree. */
bool flow_advance_agrees(struct flow_table *t);
