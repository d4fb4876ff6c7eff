/* Devices that routes lead through, as a program knows them. */
#pragma once

#include "runtime/live/world/world_state.h"

/* Return facts.devices for the table, malloc'd. NULL: out of memory. */
struct facts_device *devices_of(const struct world *world, const struct program *p, const struct routes *table);

/* Return the devices beside the served ones, with a reference for the caller; the same as before if neither links
 * nor the program have changed since. NULL: out of memory. */
struct around *devices_around(struct world *world, const struct program *p);

/* Return the index of the interface towards the flow's opener, according to routes; if the host opened the flow, the
 * interface by which it leaves. OPTIONS_NO_PEER: unknown. On a bridge the opener may be on either side. */
uint8_t devices_opener(const struct world *world, const struct facts *facts, const struct flow_record *f);
/* Return the interface's id in frames; for an unserved device whose packets the kernel executor judges as they
 * leave, its id in rules. IFACE_NONE: unknown. */
uint16_t devices_opener_iface(const struct world *world, const struct facts *facts, const struct flow_record *f);
