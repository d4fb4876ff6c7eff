/* Tells the service manager (systemd) that started preyrun how things stand; without a manager nothing happens. Finds
 * prey's unit that a process belongs to. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum manager_word {
    MANAGER_READY,     /* frames are judged; also after each reload, failed or not */
    MANAGER_RELOADING, /* a reload begins */
    MANAGER_STOPPING,  /* no frame is judged any more */
    MANAGER_ALIVE,     /* resets the watchdog */
    MANAGER_WORDS
};

/* Send one datagram to $NOTIFY_SOCKET (sd_notify(3)). Never blocks; a refused datagram is lost. */
void manager_tell(enum manager_word word);

/* Report which process is the main one of the unit from now on. */
void manager_main(pid_t pid);

/* Send nothing more to it: from now on this process is none of the unit's. */
void manager_leave(void);

/* Hand a descriptor to the manager, which keeps it over a restart, whatever becomes of its other end, and closes it
 * once the unit has stopped for good (FileDescriptorStoreMax= of the unit); wait until it has heard. Return 0, or a
 * negative errno. */
int manager_store(const char *name, int fd);
/* Have it close all that it keeps under that name. */
void manager_unstore(const char *name);
/* Take back what was stored under that name by the process before. -1: nothing. Only the process that the manager
 * started may call this, once. */
int manager_stored(const char *name);
/* In a process that goes on for the one that the manager started, with its environment: signs of life are its own. */
void manager_succeed(void);
/* Wait until the manager has heard all that was reported. */
void manager_heard(void);

/* Return the time without MANAGER_ALIVE after which the manager ends this process; 0: no watchdog. Only the process
 * that the manager started may call this. */
uint64_t manager_patience_ns(void);

/* Write the path of NAME.history in the folder that the manager keeps for the unit ($STATE_DIRECTORY). NULL: there is
 * none. */
const char *manager_history(const char *name, char *path, size_t size);

/* True if a manager listens */
bool manager_listens(void);

/* Find the service unit in a process's list of control groups (/proc/PID/cgroup), "preyrun@wan". Its name must begin
 * with `prey`: a unit of another name, such as the SSH server's from which the process was started, must not be
 * stopped. False: none, or unreadable. */
bool manager_unit(const char *groups, char *unit, size_t size);
