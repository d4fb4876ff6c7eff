/* The steering programs of `xdp`, and what else it needs. Those that give an int give the exit status. */
#pragma once

#include "runtime/live/main/state.h"

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
