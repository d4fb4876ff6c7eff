#include "runtime/host/manager.h"

#include <inttypes.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

#include "runtime/base/clock.h"

void manager_tell(enum manager_word word)
{
    static const char *const lines[MANAGER_WORDS] = {
        [MANAGER_READY] = "READY=1", [MANAGER_STOPPING] = "STOPPING=1", [MANAGER_ALIVE] = "WATCHDOG=1"};
    if (word == MANAGER_RELOADING) /* with its time: an answer to an earlier reload is not taken for this one's */
        sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_ns(CLOCK_MONOTONIC) / 1000);
    else
        sd_notify(0, lines[word]);
}

uint64_t manager_patience_ns(void)
{
    uint64_t usec = 0;
    return sd_watchdog_enabled(0, &usec) > 0 ? usec * 1000u : 0;
}

bool manager_listens(void) { return getenv("NOTIFY_SOCKET") != NULL; }
