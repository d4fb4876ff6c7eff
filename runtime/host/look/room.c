/* The part of preflight about room: memory, and space for the log, recordings and the record of changes */
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/host/file/recordings.h"
#include "runtime/host/look/preflight_priv.h"
#include "runtime/host/proc_priv.h"
#include "runtime/host/sinks.h"
#include "runtime/host/state.h"

#define MIB (UINT64_C(1) << 20)

/* A process with one of the privileges raises its limit at the start. */
uint64_t host_may_lock(void)
{
    struct rlimit most;
    if (capng_get_caps_process() || capng_have_capability(CAPNG_EFFECTIVE, CAP_IPC_LOCK) ||
        capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_RESOURCE) || getrlimit(RLIMIT_MEMLOCK, &most))
        return UINT64_MAX;
    return most.rlim_max == RLIM_INFINITY ? UINT64_MAX : most.rlim_max;
}

/* Look at the limit on locked memory, for rings */
static void look_at_locked(struct look *l)
{
    const uint64_t most = host_may_lock();
    if (!l->p->xdp || most >= l->p->ring_bytes) return;
    preflight_tell(l, true,
                   "only %" PRIu64 " KiB of memory may be locked, and --io xdp and --exec kernel need %" PRIu64
                   " KiB for frames|ulimit -l unlimited (in a systemd unit: LimitMEMLOCK=infinity), or add the "
                   "capability IPC_LOCK",
                   most / 1024, l->p->ring_bytes / 1024);
}

void look_at_memory(struct look *l)
{
    look_at_locked(l);
    char text[4000];
    unsigned long long free_kib;
    const uint64_t bytes = l->p->table_bytes + l->p->ring_bytes;
    if (proc_read("/proc/meminfo", text, sizeof text)) return;
    const char *at = strstr(text, "MemAvailable:");
    if (!at || sscanf(at, "MemAvailable: %llu", &free_kib) != 1 || bytes <= free_kib * 1024) return;
    preflight_tell(
        l, false,
        "full flow tables and rings take %" PRIu64
        " MiB, and only %llu MiB are free|set `limits { flows N }` in the rules, fewer --workers or a smaller --ring",
        bytes / MIB, free_kib / 1024);
}

static void look_at_syslog(struct look *l)
{
    const int fd = sink_descriptor(l->p->log);
    if (fd >= 0)
        close(fd);
    else
        preflight_tell(l, true,
                       "--log: the system's log (%s) can't be reached: %s|use --log text, or start a system log",
                       SINK_SYSLOG_SOCKET, strerror(-fd));
}

/* Look at the log's file, without making it; if it is missing, at its folder */
static void look_at_file(struct look *l, const char *path)
{
    struct stat there;
    const bool exists = !stat(path, &there);
    const int why = exists && S_ISDIR(there.st_mode)                        ? EISDIR
                    : exists && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) ? errno
                                                                            : 0;
    if (why) preflight_tell(l, true, "--log: %s: %s|", path, strerror(why));
    if (exists || strlen(path) >= PATH_MAX) return;
    char copy[PATH_MAX];
    const char *folder = dirname(strcpy(copy, path));
    if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS))
        preflight_tell(l, true, "--log: %s: %s|%s%s", folder, strerror(errno), errno == ENOENT ? "mkdir -p " : "",
                       errno == ENOENT ? folder : "");
}

void look_at_log(struct look *l)
{
    switch (sink_kind(l->p->log)) {
    case SINK_SYSLOG: look_at_syslog(l); break;
    case SINK_FILE: look_at_file(l, l->p->log); break;
    case SINK_STDERR:
    case SINK_JOURNAL: break;
    }
}

void look_at_record(struct look *l)
{
    char err[500], path[PATH_MAX];
    if (!l->p->record || !l->p->looks_only) return;
    const int failed = recordings_look(l->p->record, err, sizeof err);
    const bool missing = failed == -ENOENT;
    snprintf(path, sizeof path, "%s", l->p->record);
    if (failed)
        preflight_tell(l, true, "--record %s|%s%s", err, missing ? "mkdir -p " : recordings_mend(failed),
                       missing ? dirname(path) : "");
}

void look_at_state(struct look *l)
{
    char err[500];
    if (l->p->name && l->p->looks_only && state_lack(STATE_RUN, err, sizeof err)) preflight_tell(l, true, "%s|", err);
}
