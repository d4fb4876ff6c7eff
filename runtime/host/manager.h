/* Reports preyrun's state to the service manager (systemd) that started it; without a manager nothing happens. Also
 * finds the unit of prey that a process belongs to. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum manager_word {
    MANAGER_READY,     /* frames are judged; also after each reload, failed or not */
    MANAGER_RELOADING, /* a reload begins */
    MANAGER_STOPPING,  /* no frames are judged */
    MANAGER_ALIVE,     /* resets the watchdog */
    MANAGER_WORDS
};

/* Send one datagram to $NOTIFY_SOCKET (sd_notify(3)). Never blocks; a refused datagram is lost. */
void manager_tell(enum manager_word word);

/* Report the unit's main process from now on. */
void manager_main(pid_t pid);

/* Send nothing more to the manager: from now on this process does not belong to the unit. */
void manager_leave(void);

/* Hand a descriptor to the manager, and wait until the manager has received it. The manager keeps the descriptor
 * over a restart, even if its peer closes, and closes it once the unit has stopped for good (FileDescriptorStoreMax=
 * of the unit). Return 0, or a negative errno. */
int manager_store(const char *name, int fd);
/* Have the manager close all descriptors kept under that name. */
void manager_unstore(const char *name);
/* Take back the descriptor stored under that name by the previous process. -1: nothing. Only the process that the
 * manager started may call this, once. */
int manager_stored(const char *name);
/* Continue for the process that the manager started, with its environment: this process sends its own signs of life. */
void manager_succeed(void);
/* Wait until the manager has received all reports. */
void manager_heard(void);

/* Return the time without MANAGER_ALIVE after which the manager ends this process; 0: no watchdog. Only the process
 * that the manager started may call this. */
uint64_t manager_patience_ns(void);

/* Write the path of NAME.history in the folder that the manager keeps for the unit ($STATE_DIRECTORY). NULL: none. */
const char *manager_history(const char *name, char *path, size_t size);

/* True if a manager listens */
bool manager_listens(void);

/* Find the service unit in a process's list of control groups (/proc/PID/cgroup), "preyrun@wan". Its name must begin
 * with `prey`: a unit of another name, such as the SSH server's from which the process was started, must not be
 * stopped. False: none, or unreadable. */
bool manager_unit(const char *groups, char *unit, size_t size);
