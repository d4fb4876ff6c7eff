/* Consequences of health checks: servers that take new flows, and lines about changes. */
#pragma once

#include "runtime/live/rules/rules_state.h"

/* Begin the checks of the running program; the first probes follow. Return 0, or 2 after a line with the reason. */
int health_begin(struct rules *rules);
/* Begin the checks of a ruling that replaces another; servers keep their state. False, with one line in err. */
bool health_follow(struct rules *rules, const struct ruling *before, const struct remap *r, char *err, size_t err_len);

/* Set servers up or down according to their checks or the operator. */
void health_agree(struct ruling *now, uint64_t now_ns);

/* Return a descriptor to poll for reading; -1: nothing is checked. */
int health_fd(const struct rules *rules);
/* Return the time at which health_step is due; UINT64_MAX: no checks. */
uint64_t health_due_ns(const struct rules *rules, uint64_t now_ns);
/* Continue the probes and publish changes. False: out of memory. */
bool health_step(struct rules *rules, uint64_t now_ns);
/* Note that a worker saw a server refuse new flows, for checks that are `passive`. */
void health_refused(struct rules *rules, const struct refusal *r, uint64_t now_ns);
/* Report the changes that were held back because there were many. Call once per second. */
void health_tick(struct rules *rules, uint64_t now_ns);
/* Write or read the state of all servers of the program in force, after by_hand_archive (vm/keyed/archive.h). The
 * input is hostile. The caller publishes it. */
struct archive;
void health_archive(struct rules *rules, struct archive *a);
void health_fini(struct rules *rules);
