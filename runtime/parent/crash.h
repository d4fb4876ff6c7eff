/* Restart after a crash of the service: another preyrun continues with the last written state and the parent's
 * descriptors. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct parent;
struct starter;

enum {
    CRASHES_MOST = 3,
    CRASHES_S = 60
}; /* one crash more than this, each within this time of its start, ends the instance */

/* True if the service, ended by an unintended signal, must be started again; else `why` has the reason, or is empty. */
bool crash_is_mended(const struct parent *p, char *why, unsigned len);
/* Start another preyrun, and hand over to it as a running service would. Return 0 once it judges; or a negative
 * errno, with nothing changed: -EINTR: an end was requested meanwhile. */
int crash_pass(struct parent *p);
/* Stay and forward signals until that preyrun ends, unless it is a service manager's main process. Return its exit
 * status. Closes s->fd. */
int crash_follow(struct starter *s);
