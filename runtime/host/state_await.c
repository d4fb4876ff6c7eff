/* Waits for an instance one of whose processes was killed */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/host/state.h"
#include "runtime/host/state_file.h"

enum { SIGNALLED_MS = 500 }; /* wait for a process that was asked to end: it may end immediately */

/* Get a process's name, because its pid may be another program's by now */
static void process_name(long pid, char name[32])
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/comm", pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t len = fd >= 0 ? read(fd, name, 31) : 0;
    name[len > 0 ? len : 0] = 0;
    if (fd >= 0) close(fd);
}

/* True if it is a preyrun process */
static bool is_ours(long pid)
{
    char its[32], ours[32];
    process_name(pid, its);
    process_name(getpid(), ours);
    return !strcmp(its, ours) || !strcmp(its, STATE_WORKER "\n");
}

/* Return a descriptor that is readable at the process's end; -1: it has ended */
static int process(long pid) { return pid > 0 ? (int)syscall(SYS_pidfd_open, (pid_t)pid, 0) : -1; }

/* True if the process was killed. The signal stays pending until the process has ended, even without a processor. */
static bool is_killed(long pid)
{
    char path[64], line[200];
    bool killed = false;
    snprintf(path, sizeof path, "/proc/%ld/status", pid);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, "SigPnd:", 7) || !strncmp(line, "ShdPnd:", 7))
            killed |= strtoull(line + 7, NULL, 16) >> (SIGKILL - 1) & 1;
    if (f) fclose(f);
    return killed;
}

static void say_awaited(state_say *say, void *arg, const char *name, long pid)
{
    char line[200];
    snprintf(line, sizeof line, "the instance `%s` is stopping; preyrun waits for its process %ld", name, pid);
    say(arg, line);
}

void state_await(const char *run, const char *name, int most_ms, state_say *say, void *arg)
{
    char path[PATH_MAX];
    if (state_path_of(run, name, path)) return;
    char *text = state_read_at(path);
    const long owner = state_number(text, "pid\t"), worker = state_number(text, STATE_WORKS);
    const bool owned = state_is_owned(path);
    free(text);
    /* While the owner lives, no other process gets its child's pid, unless the child was reaped */
    struct pollfd works_on = {.fd = owned || is_ours(worker) ? process(worker) : -1, .events = POLLIN},
                  owns = {.fd = -1, .events = POLLIN};
    const bool lives = works_on.fd >= 0 && !poll(&works_on, 1, 0);
    if (owned && worker) owns.fd = process(owner);
    /* A process signalled at this moment may look alive */
    struct pollfd either[] = {works_on, owns};
    const bool both = owned && lives && owns.fd >= 0;
    const long killed = !both ? 0 : is_killed(worker) ? worker : is_killed(owner) ? owner : 0;
    if (killed) say_awaited(say, arg, name, killed);
    const bool again = both && poll(either, 2, killed ? most_ms : SIGNALLED_MS) > 0;
    if ((owned && lives) || again) {
        close(works_on.fd);
        if (owns.fd >= 0) close(owns.fd);
        if (again) state_await(run, name, most_ms, say, arg);
        return;
    }
    struct pollfd *ends = owned ? &owns : &works_on;
    if ((owned ? owns.fd >= 0 : lives)) {
        say_awaited(say, arg, name, owned ? owner : worker);
        poll(ends, 1, most_ms);
    }
    if (owns.fd >= 0) close(owns.fd);
    if (works_on.fd >= 0) close(works_on.fd);
}
