/* Rules that can't see the addresses that they ask for, because others translate them before. */
#pragma once

#include "runtime/live/rules/rules_state.h"

/* Print a notice for each rule of the program of a start that can't, and what mends it. */
void translated_notice(const struct rules *rules);
