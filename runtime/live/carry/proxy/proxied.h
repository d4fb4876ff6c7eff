/* Services that end connections here: a proxy loop beside each worker (runtime/proxy/), its listeners, and what it is
 * told. */
#pragma once

#include "runtime/live/carry/state.h"

struct proxy;
struct proxy_counters;
struct sum;

/* Has the program a service of such a mode? */
bool proxied_any(const struct program *p);

/* Is all that they say done? Else why is one line. */
bool proxied_runs(const struct program *p, char *why, size_t len);

/* Where the program has such services: loops and their listeners, once the world is published; then their threads. 0,
 * or 2 and a complaint was made. */
int proxied_open(struct carry *carry);
int proxied_start(struct carry *carry);
void proxied_stop(struct carry *carry);
void proxied_close(struct carry *carry);

/* "; a proxied connection takes …", or nothing where there are none. */
void proxied_memory(const struct carry *carry, char *words, size_t len);

/* A newer snapshot; and the oldest that some loop may still use: UINT64_MAX, none does. */
void proxied_tell(struct carry *carry, struct snapshot *s);
uint64_t proxied_taken(const struct carry *carry);

/* What they count is added. */
void proxied_tally(const struct carry *carry, struct sum *sum);
/* Loops that run. */
unsigned proxied_loops(const struct carry *carry);
struct proxy *proxied_loop(const struct carry *carry, unsigned at); /* one of them */

/* Added to *sum: of one service, or, PBC_NONE, what is of none. False: nothing was counted. Not while a change is under
 * way. */
bool proxied_counters(const struct carry *carry, uint32_t service, struct proxy_counters *sum);

/* Reload: all that loops need for the program of the remap, which is carry->now already. NULL, with one line in err. */
struct proxied_change;
struct proxied_change *proxied_prepare(struct carry *carry, const struct remap *r, struct snapshot *s, char *err,
                                       size_t err_len);
void proxied_offer(struct carry *carry, struct proxied_change *c);
/* Have all loops answered? */
bool proxied_pending(const struct carry *carry, const struct proxied_change *c);
/* It is through, or not made after all. NULL is fine. */
void proxied_end(struct carry *carry, struct proxied_change *c);

/* Readable when some loop has something to tell; -1: there are none. */
int proxied_fd(const struct carry *carry);
void proxied_called(struct carry *carry);
/* Each second: lines of access logs are written. */
void proxied_tick(struct carry *carry);
