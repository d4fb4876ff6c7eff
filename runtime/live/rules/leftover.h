/* Services, servers and nats of programs that ran before which flows still use. */
#pragma once

#include "runtime/live/rules/state.h"

/* That which they do not, as remap_new takes it; the caller's to free. NULL: there is none, or memory is out. Not while
 * a reload is under way. */
uint8_t *leftover_gone(const struct rules *rules);
/* By which guard rules and steering go. Where memory is out: all. */
struct lingering_used leftover_used(const struct rules *rules);
