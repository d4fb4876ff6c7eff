/* The instance's unit of the service manager (systemd/preyrun@.service): its ExecReload= starts the process that
 * takes over, with the unit's sandbox and limits. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/preyctl/command_line.h"

/* Find the name behind the @ of the unit preyrun@NAME that a process belongs to. False: none. */
bool unit_of(long pid, char *name, size_t size);

/* True if a process's environment, [len], shows that the manager accepts reports of the unit's main process. */
bool unit_is_told(const char *environment, size_t len);

/* Find the full name of the unit, of any service, that has this main process, by asking the manager. False: none, or
 * no answer. */
bool unit_has_main(long pid, char *unit, size_t size);

/* Make the unit's reload take over with the options of the command line, and wait for its end. Print its messages,
 * and return the exit status. */
int unit_takes_over(const char *name, const struct command_line *l);
