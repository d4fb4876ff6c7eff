/* Devices that routes lead by, as a program knows them. */
#pragma once

#include "runtime/live/world/state.h"

/* facts.devices of that table, malloc'd. NULL: memory is out. */
struct facts_device *devices_of(const struct world *world, const struct program *p, const struct routes *table);

/* The place among the interfaces that a flow's opener is at, as routes know; of what the host opened that which it
 * leaves by. Across a bridge it may be either side. OPTIONS_NO_PEER: nobody knows. */
uint8_t devices_opener(const struct world *world, const struct facts *facts, const struct flow_record *f);
