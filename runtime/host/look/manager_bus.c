/* org.freedesktop.systemd1(5). A bus is opened for each query, because the process may have forked since the last
 * one. */
#include "runtime/host/look/manager_bus.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#define SYSTEMD "org.freedesktop.systemd1"
enum { PATIENCE_US = 2000000, LOOK_NS = 10000000, LOOKS = 200 };

static int bus_open(sd_bus **bus)
{
    int failed = sd_bus_new(bus);
    if (failed >= 0) failed = sd_bus_set_address(*bus, "unix:path=/run/systemd/private");
    if (failed >= 0) failed = sd_bus_start(*bus);
    if (failed < 0) {
        sd_bus_unref(*bus);
        *bus = NULL;
        failed = sd_bus_open_system(bus);
    }
    if (failed >= 0) failed = sd_bus_set_method_call_timeout(*bus, PATIENCE_US);
    return failed < 0 ? failed : 0;
}

/* True if that job of the manager has a type. The path is "/" without a job. */
static int job_is(sd_bus *bus, const char *path, const char *type)
{
    char *is = NULL;
    if (!strcmp(path, "/")) return 0;
    const int failed = sd_bus_get_property_string(bus, SYSTEMD, path, SYSTEMD ".Job", "JobType", NULL, &is);
    const bool same = failed >= 0 && !strcmp(is, type);
    free(is);
    return failed < 0 ? failed : same;
}

int manager_restarts(void)
{
    sd_bus *bus = NULL;
    sd_bus_message *unit = NULL, *job = NULL;
    const char *path;
    uint32_t number;
    int is = bus_open(&bus);
    if (!is)
        is = sd_bus_call_method(bus, SYSTEMD, "/org/freedesktop/systemd1", SYSTEMD ".Manager", "GetUnitByPID", NULL,
                                &unit, "u", (uint32_t)getpid());
    if (is >= 0) is = sd_bus_message_read(unit, "o", &path);
    if (is >= 0) is = sd_bus_get_property(bus, SYSTEMD, path, SYSTEMD ".Unit", "Job", NULL, &job, "(uo)");
    if (is >= 0) is = sd_bus_message_read(job, "(uo)", &number, &path);
    if (is >= 0) is = job_is(bus, path, "restart");
    sd_bus_message_unref(job);
    sd_bus_message_unref(unit);
    sd_bus_unref(bus);
    return is;
}

static int move(sd_bus *bus, const char *scope, const char *description, const pid_t pids[], unsigned count)
{
    sd_bus_message *m = NULL;
    uint32_t all[8];
    for (unsigned i = 0; i < count && i < 8; i++) all[i] = (uint32_t)pids[i];
    int failed = sd_bus_message_new_method_call(bus, &m, SYSTEMD, "/org/freedesktop/systemd1", SYSTEMD ".Manager",
                                                "StartTransientUnit");
    if (failed >= 0) failed = sd_bus_message_append(m, "ss", scope, "fail");
    if (failed >= 0) failed = sd_bus_message_open_container(m, 'a', "(sv)");
    if (failed >= 0) failed = sd_bus_message_append(m, "(sv)", "Description", "s", description);
    /* The unit's own reports show whether it ended well, so a failed scope is removed without a reset. */
    if (failed >= 0) failed = sd_bus_message_append(m, "(sv)", "CollectMode", "s", "inactive-or-failed");
    /* A shutdown ends the scope together with the processes' former unit. */
    if (failed >= 0) failed = sd_bus_message_append(m, "(sv)", "DefaultDependencies", "b", 1);
    if (failed >= 0) failed = sd_bus_message_open_container(m, 'r', "sv");
    if (failed >= 0) failed = sd_bus_message_append(m, "s", "PIDs");
    if (failed >= 0) failed = sd_bus_message_open_container(m, 'v', "au");
    if (failed >= 0) failed = sd_bus_message_append_array(m, 'u', all, (count < 8 ? count : 8) * sizeof *all);
    if (failed >= 0) failed = sd_bus_message_close_container(m);
    if (failed >= 0) failed = sd_bus_message_close_container(m);
    if (failed >= 0) failed = sd_bus_message_close_container(m);
    if (failed >= 0) failed = sd_bus_message_append(m, "a(sa(sv))", 0);
    if (failed >= 0) failed = sd_bus_call(bus, m, PATIENCE_US, NULL, NULL);
    sd_bus_message_unref(m);
    return failed < 0 ? failed : 0;
}

/* True once the caller's control group is that of the scope: the manager replies before it has moved any process. */
static bool scope_has_caller(const char *scope)
{
    char line[4096];
    bool there = false;
    FILE *f = fopen("/proc/self/cgroup", "re");
    while (f && !there && fgets(line, sizeof line, f)) there = strstr(line, scope);
    if (f) fclose(f);
    return there;
}

int manager_move(const char *scope, const char *description, const pid_t pids[], unsigned count)
{
    sd_bus *bus = NULL;
    int failed = bus_open(&bus);
    if (!failed) failed = move(bus, scope, description, pids, count);
    for (unsigned look = 0; !failed && !scope_has_caller(scope); look++) {
        if (look == LOOKS) failed = -ETIMEDOUT;
        nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
    }
    sd_bus_unref(bus);
    return failed;
}
