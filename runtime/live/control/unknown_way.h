/* Packets that a nat may take, and whose way is unknown until this machine's stack has routed them. */
#pragma once

#include "runtime/live/carry/carry_state.h"
#include "runtime/report/text.h"
#include "vm/judge/routes.h"

/* Return the words about such packets, for that cause. */
struct way_told unknown_way(const struct carry *carry, enum way_why why);
