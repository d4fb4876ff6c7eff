/* Services that end connections here: a proxy loop beside each worker (runtime/proxy/), its listeners, and its input.
 */
#pragma once

#include "runtime/live/carry/carry_state.h"

struct proxy;
struct proxy_counters;
struct sum;

/* True if the program has a service with such a mode. */
bool proxied_any(const struct program *p);

/* Make loops and listeners for such services, after the world is published (first function); start their threads
 * (second). The first returns 0, or 2 after a complaint; the second 0 or an error. */
int proxied_open(struct carry *carry);
int proxied_start(struct carry *carry);
void proxied_stop(struct carry *carry);
void proxied_close(struct carry *carry);

/* Write "; a proxied connection takes …", or nothing if there are no loops. */
void proxied_memory(const struct carry *carry, char *words, size_t len);

/* Give the loops a newer snapshot. Return the number of the oldest one that a loop may still use; UINT64_MAX: none. */
void proxied_tell(struct carry *carry, struct snapshot *s);
uint64_t proxied_taken(const struct carry *carry);
/* Mark the next turn of each loop (proxy_mark). Return the mark that all have reached (second function); UINT64_MAX:
 * no loop runs. */
void proxied_mark(struct carry *carry, uint64_t mark);
uint64_t proxied_marked(const struct carry *carry);

/* Add the loops' connection counters. */
void proxied_tally(const struct carry *carry, struct sum *sum);
/* Return the number of running loops. */
unsigned proxied_loops(const struct carry *carry);
struct proxy *proxied_loop(const struct carry *carry, unsigned at); /* a loop, by its index */
/* Return the number of loops that were made, whether they run or not. */
unsigned proxied_count(const struct carry *carry);
/* Read the state of that many loops of another instance into this one's loops, which have no thread yet
 * (proxies_unpack). */
bool proxied_unpack(const struct carry *carry, unsigned written, struct archive *a);
/* Add to a service's counters before the loops run; PBC_NONE: to the counters of connections without a service. */
void proxied_count_on(const struct carry *carry, uint32_t service, const struct proxy_counters *more);

/* Return the number of connects for which no local port was left. May be called at any time. */
uint64_t proxied_portless(const struct carry *carry);

/* Add the counters of a service to *sum; PBC_NONE: those of connections without a service. False: nothing was
 * counted. Not during a change. */
bool proxied_counters(const struct carry *carry, uint32_t service, struct proxy_counters *sum);

struct proxied_change;
/* True if some loop has not taken the change. */
bool proxied_pending(const struct carry *carry, const struct proxied_change *c);

/* Return a descriptor that is readable when a loop has something to report; -1: no loops. */
int proxied_fd(const struct carry *carry);
void proxied_called(struct carry *carry);
/* Write the lines of access logs. Call once per second. */
void proxied_tick(struct carry *carry);
