/* Rules that can't see the addresses that they ask for, because other programs translate these first. */
#pragma once

#include "runtime/live/rules/rules_state.h"

/* Print a notice with the remedy for each such rule of a start's program. */
void translated_notice(const struct rules *rules);
