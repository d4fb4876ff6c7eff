/* Guard rules and ports on this host. */
#pragma once

#include "runtime/live/rules/state.h"

/* At the start: ports of the program, then guard rules. */
int claim_begin(struct rules *rules);
/* Once a second: what lingers no longer, and is of nothing that flows use, is not hidden any more. */
void claim_tick(struct rules *rules, uint64_t now_ns);
/* Once a second: filters of traffic control (before Linux 6.6) are set again where another program took them away. */
void claim_keep(struct rules *rules);
/* From now on it is known when another program changes them: before rights are given up. The exit status. */
int claim_watch(struct rules *rules);
/* They are set again where another program has. */
void claim_follow(struct rules *rules);
/* One of that name that was killed and still ends is waited for. */
void claim_await(const struct options *o);
int claim_cleanup(const struct options *o); /* of dead instances: of --name, else of all in this namespace */
