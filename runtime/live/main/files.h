/* The limit on open descriptors. */
#pragma once

#include "runtime/live/main/state.h"

/* Raise the limit on descriptors (RLIMIT_NOFILE) of this process and its children: up to the hard limit in any case,
 * and beyond if the ports, workers, checks and sessions of carry->now may need more. If the kernel refuses, print a
 * notice with the consequence and the remedy. Call after start_look. Return how many half-open inline connections a
 * worker may have: half of those that there are descriptors for. */
uint32_t files_allow(const struct live *l);
