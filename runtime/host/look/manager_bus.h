/* Asks the service manager (systemd) by its own socket, which root reaches without a message bus, or else by the
 * bus. Each call takes two seconds at most. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Return 1 if the manager ends the caller's unit to start it again immediately (systemctl restart), 0 if not, or a
 * negative errno. */
int manager_restarts(void);

/* Move processes out of their unit, into a scope of that name and description, and wait until the caller is there.
 * Return 0, or a negative errno. */
int manager_move(const char *scope, const char *description, const pid_t pids[], unsigned count);
