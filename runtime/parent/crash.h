/* The service has crashed: another preyrun goes on with what it wrote last, and with what the parent holds. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct parent;
struct starter;

enum { CRASHES_MOST = 3, CRASHES_S = 60 }; /* this many crashes, each within this time of its start, end the instance */

/* True if the service, ended by a signal that nobody meant, is to be started again; else `why` says why not, or is
 * empty. */
bool crash_is_mended(const struct parent *p, char *why, unsigned len);
/* Start another preyrun, and hand over to it as a running service would. Return 0 once it judges; or a negative errno,
 * with nothing changed: -EINTR, an end was asked for meanwhile. */
int crash_pass(struct parent *p);
/* Stay and hand signals on until that preyrun ends, unless a service manager has it as main process. Return its
 * exit status. Closes s->fd. */
int crash_follow(struct starter *s);
