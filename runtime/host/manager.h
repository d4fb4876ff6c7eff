/* What the service manager (systemd) that started us hears of us; where none did, nothing happens. And which unit of
 * prey's a process belongs to. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum manager_word {
    MANAGER_READY,     /* frames are judged; again at a reload's end, however it ended */
    MANAGER_RELOADING, /* a reload begins */
    MANAGER_STOPPING,  /* no frame is judged any more */
    MANAGER_ALIVE,     /* the watchdog may wait anew */
    MANAGER_WORDS
};

/* One datagram to $NOTIFY_SOCKET (sd_notify(3)). Never waits; one that is not taken is lost. */
void manager_tell(enum manager_word word);

/* After how long without MANAGER_ALIVE it ends this process; 0: it does not watch. Only the process that it started may
 * ask. */
uint64_t manager_patience_ns(void);

/* Is there one that listens? */
bool manager_listens(void);

/* The service unit whose name begins with `prey` in a process's list of control groups (/proc/PID/cgroup):
 * "preyrun@wan". A unit of another name, such as the one of an SSH server that the process was started from, is not
 * prey's to stop. False: there is none, or it can't be read. */
bool manager_unit(const char *groups, char *unit, size_t size);
