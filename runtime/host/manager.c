/* Words of sd_notify(3); a unit is read from the process's control group */
#include "runtime/host/manager.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "runtime/base/clock.h"

enum { HEARD_US = 2000000 };

void manager_tell(enum manager_word word)
{
    static const char *const lines[MANAGER_WORDS] = {
        [MANAGER_READY] = "READY=1", [MANAGER_STOPPING] = "STOPPING=1", [MANAGER_ALIVE] = "WATCHDOG=1"};
    if (word ==
        MANAGER_RELOADING) /* with the time, so that a READY for an earlier reload is not taken for this one's */
        sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_ns(CLOCK_MONOTONIC) / 1000);
    else
        sd_notify(0, lines[word]);
}

void manager_main(pid_t pid) { sd_notifyf(0, "MAINPID=%ld", (long)pid); }

void manager_leave(void) { unsetenv("NOTIFY_SOCKET"); }

void manager_succeed(void) { unsetenv("WATCHDOG_PID"); }

void manager_heard(void) { sd_notify_barrier(0, HEARD_US); }

int manager_store(const char *name, int fd)
{
    char words[100];
    snprintf(words, sizeof words, "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
    const int sent = sd_pid_notify_with_fds(0, 0, words, &fd, 1);
    if (sent <= 0) return sent ? sent : -ENOTCONN;
    const int heard = sd_notify_barrier(0, HEARD_US);
    return heard < 0 ? heard : 0;
}

void manager_unstore(const char *name) { sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name); }

int manager_stored(const char *name)
{
    char **names = NULL;
    int stored = -1;
    const int count = sd_listen_fds_with_names(1, &names);
    for (int i = 0; i < count; i++) {
        const int fd = SD_LISTEN_FDS_START + i;
        const bool is = names && names[i] && !strcmp(names[i], name) && stored < 0;
        if (is)
            stored = fd;
        else
            close(fd);
        if (names) free(names[i]);
    }
    free(names);
    return stored;
}

uint64_t manager_patience_ns(void)
{
    uint64_t usec = 0;
    return sd_watchdog_enabled(0, &usec) > 0 ? usec * 1000u : 0;
}

const char *manager_history(const char *name, char *path, size_t size)
{
    const char *folders = getenv("STATE_DIRECTORY"); /* colons separate several */
    if (!folders || *folders != '/') return NULL;
    const int len = snprintf(path, size, "%.*s/%s.history", (int)strcspn(folders, ":"), folders, name);
    return len < (int)size ? path : NULL;
}

bool manager_listens(void) { return getenv("NOTIFY_SOCKET") != NULL; }

/* Find the unit, which is the last part: "0::/system.slice/system-preyrun.slice/preyrun@wan.service" */
static bool unit_of(const char *line, char *unit, size_t size)
{
    static const char ours[] = "prey", kind[] = ".service";
    const char *slash = strrchr(line, '/'), *name = slash ? slash + 1 : line;
    const size_t len = strcspn(name, "\n"), end = sizeof kind - 1;
    if (len <= end || len - end >= size || strncmp(name, ours, sizeof ours - 1) || memcmp(name + len - end, kind, end))
        return false;
    snprintf(unit, size, "%.*s", (int)(len - end), name);
    return true;
}

bool manager_unit(const char *groups, char *unit, size_t size)
{
    char line[4096];
    bool found = false;
    FILE *f = fopen(groups, "re");
    while (f && !found && fgets(line, sizeof line, f)) found = unit_of(line, unit, size);
    if (f) fclose(f);
    return found;
}
