/* Guard rules and ports on this host. */
#pragma once

#include "runtime/live/rules/rules_state.h"

/* Reserve the program's ports, then set guard rules, at the start. Return the exit status. */
int host_changes_begin(struct rules *rules);
/* Stop hiding lingering matches that have expired and that no flow uses. Call once per second. */
void host_changes_tick(struct rules *rules, uint64_t now_ns);
/* Set traffic control filters (before Linux 6.6) again if another program removed them. Call once per second. */
void host_changes_keep(struct rules *rules);
/* Begin to watch for changes of guard rules by other processes, before privileges are given up. Return the exit
 * status. */
int host_changes_watch(struct rules *rules);
/* Set guard rules again if another program changed them. */
void host_changes_follow(struct rules *rules);
/* Wait until a killed instance of that name has ended. */
void host_changes_await(const struct options *o);
/* Undo the changes of the dead instance --name, or of all dead ones in this network namespace. */
int host_changes_cleanup(const struct options *o);
