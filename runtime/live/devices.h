/* Devices that routes lead by, as a program knows them. */
#ifndef RUNTIME_LIVE_DEVICES_H
#define RUNTIME_LIVE_DEVICES_H

#include "runtime/live/state.h"

/* facts.devices of that table, malloc'd. NULL: memory is out. */
struct facts_device *devices_of(const struct live *l, const struct program *p, const struct routes *table);

#endif
