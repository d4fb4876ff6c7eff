/* Services, servers and nats of earlier programs that flows still use. */
#pragma once

#include "runtime/live/rules/rules_state.h"

/* Return the earlier programs' services, servers and nats that no flow uses, in the form that remap_new takes; the
 * caller frees it. NULL: none, or out of memory. Not during a reload. */
uint8_t *leftover_gone(const struct rules *rules);
/* Return the parts that flows still use, for guard rules and steering. Out of memory: all count as used. */
struct lingering_used leftover_used(const struct rules *rules);
