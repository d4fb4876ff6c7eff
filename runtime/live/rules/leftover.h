/* Services, servers and nats of earlier programs that flows still use. */
#pragma once

#include "runtime/live/rules/state.h"

/* Return the unused ones in the form that remap_new takes, to be freed by the caller. NULL: none, or out of memory. Not
 * during a reload. */
uint8_t *leftover_gone(const struct rules *rules);
/* Return what is still used, for guard rules and steering. If memory is out: everything. */
struct lingering_used leftover_used(const struct rules *rules);
