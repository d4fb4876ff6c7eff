/* Services that end connections here: a proxy loop beside each worker (runtime/proxy/), its listeners, and what it is
 * told. */
#pragma once

#include "runtime/live/main/state.h"

struct proxy_counters;
struct sum;

/* Has the program a service of such a mode? */
bool proxied_any(const struct program *p);

/* Is all that they say done? Else why is one line. */
bool proxied_runs(const struct program *p, char *why, size_t len);

/* Where the program has such services: loops and their listeners, once the world is published; then their threads. 0,
 * or 2 and a complaint was made. */
int proxied_open(struct live *l);
int proxied_start(struct live *l);
void proxied_stop(struct live *l);
void proxied_close(struct live *l);

/* "; a proxied connection takes …", or nothing where there are none. */
void proxied_memory(const struct live *l, char *words, size_t len);

/* A newer snapshot; and the oldest that some loop may still use: UINT64_MAX, none does. */
void proxied_tell(struct live *l, struct snapshot *s);
uint64_t proxied_taken(const struct live *l);

/* What they count is added. */
void proxied_tally(const struct live *l, struct sum *sum);
/* Loops that run. */
unsigned proxied_loops(const struct live *l);
/* As proxy_list and proxy_listed, of that one. */
struct session_listing;
bool proxied_list(struct live *l, unsigned loop, struct session_listing *s);
bool proxied_listed(const struct live *l, unsigned loop, const struct session_listing *s);

/* Added to *sum: of one service, or, PBC_NONE, what is of none. False: nothing was counted. Not while a change is under
 * way. */
bool proxied_counters(const struct live *l, uint32_t service, struct proxy_counters *sum);

/* Reload: all that loops need for the program of the remap, which is l->now already. NULL, with one line in err. */
struct proxied_change;
struct proxied_change *proxied_prepare(struct live *l, const struct remap *r, struct snapshot *s, char *err,
                                       size_t err_len);
void proxied_offer(struct live *l, struct proxied_change *c);
/* Have all loops answered? */
bool proxied_pending(const struct live *l, const struct proxied_change *c);
/* It is through, or not made after all. NULL is fine. */
void proxied_end(struct live *l, struct proxied_change *c);

/* Readable when some loop has something to tell; -1: there are none. */
int proxied_fd(const struct live *l);
void proxied_called(struct live *l);
/* Each second: lines of access logs are written. */
void proxied_tick(struct live *l);
