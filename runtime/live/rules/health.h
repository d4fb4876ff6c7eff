/* Consequences of health checks: the servers that take new flows, and what is told of it. */
#pragma once

#include "runtime/live/rules/state.h"

/* Checks of the program that runs; the first probes follow. 0, or 2 after a line that says why not. */
int health_begin(struct rules *rules);
/* For a ruling in the place of another: servers that are still there are as they were. False, with one line in err. */
bool health_follow(struct rules *rules, const struct ruling *before, const struct remap *r, char *err, size_t err_len);

/* Servers are down as their checks say, or what was set by hand. */
void health_agree(struct ruling *now, uint64_t now_ns);

/* Polled for reading; -1: nothing is checked. */
int health_fd(const struct rules *rules);
/* At most so many milliseconds may pass until health_step. */
int health_wait_ms(const struct rules *rules, uint64_t now_ns, int most);
/* Go on with probes; a change is published. False: memory is out. */
bool health_step(struct rules *rules, uint64_t now_ns);
/* A worker has seen that a server refuses new flows: for checks that are `passive`. */
void health_refused(struct rules *rules, const struct refusal *r, uint64_t now_ns);
/* Once a second: changes that were not told because there were many. */
void health_tick(struct rules *rules, uint64_t now_ns);
void health_fini(struct rules *rules);
