/* The steering programs of `xdp`, and what else it needs. Those that give an int give the exit status. */
#pragma once

#include "runtime/live/main/state.h"

/* Are its rules few enough? False: `why` says how many there are. */
bool steered_fits(const struct program *p, char *why, size_t len);
bool steered_needs_tun(const struct live *l, const struct program *p);
int steered_open(struct live *l, unsigned at, struct io_ask *ask); /* before the port is opened */
int steered_rules(struct live *l);                                 /* of l->now, and of l->lingering */
int steered_begin(struct live *l);                                 /* when all else is ready */
int steered_port(struct live *l, unsigned at);                     /* the same, of one that is back */
bool steered_world(struct live *l);                                /* after facts have changed */
/* As steered_rules, and the device for packets to this machine before a worker takes a program: 0, or a negative errno
 * with one line in err. */
int steered_take(struct live *l, char *err, size_t err_len);
int steered_tun(struct live *l, const struct program *p, char *err, size_t err_len);
/* Frames that were too long to be taken. */
void steered_stats(const struct live *l, unsigned at, struct io_stats *s);
void steered_close(struct live *l); /* when the ports are closed */

/* Matches of the program, and of the one before, which may be NULL; host: the ports that stay with the host, NULL: none
 * do. g is the caller's to unmake. False: memory is out. */
bool steered_guarded(struct steer_rules *r, struct guarded *g, const struct program *p, const struct program *before,
                     const struct facts_ports *host);
/* Is what crosses this machine the program's: by a firewall for it, or by nat? */
bool steered_routes(const struct program *p);
/* May answers to echo requests of others come for this machine's own addresses: by nat, or a service that translates?
 */
bool steered_translates(const struct program *p);
