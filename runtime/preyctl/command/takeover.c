/* preyctl takeover: start another preyrun beside the running one, with its command line and environment, to take
 * over */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/preyctl/command.h"
#include "runtime/preyctl/command/takeover_unit.h"
#include "runtime/preyctl/command/takeover_words.h"
#include "runtime/preyctl/print_json.h"
#include "runtime/preyctl/reach.h"

enum { WAIT_MS = 60000, LOOK_MS = 20, TEXT_MOST = 1 << 20 };

/* ---- the process that runs ---- */

/* Return the member `process` of an answer; 0: it has none. Numbers are raw there (print_json.h). */
static long process_of(const cJSON *document)
{
    const cJSON *process = cJSON_GetObjectItemCaseSensitive(document, "process");
    return cJSON_IsRaw(process) ? strtol(process->valuestring, NULL, 10) : 0;
}

/* Return the process of the instance, from which to take over; 0 after a line if that isn't possible. */
static long asked_process(struct talk *t)
{
    cJSON *document = NULL;
    if (talk_document(t, talk_question(QUESTION_TAKEOVER), &document)) return 0;
    const long pid = process_of(document);
    cJSON_Delete(document);
    if (pid <= 0) talk_complain("the process that replied isn't a preyrun of this version");
    return pid;
}

/* Read a complete file of /proc, which the caller frees. NULL after a line. *len: without the zero behind it */
static char *proc_read(long pid, const char *what, size_t *len)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/%s", pid, what);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = fd >= 0 ? malloc(TEXT_MOST + 1) : NULL;
    ssize_t got = 1;
    for (*len = 0; text && got > 0 && *len<TEXT_MOST; *len += got> 0 ? (size_t)got : 0)
        got = read(fd, text + *len, TEXT_MOST - *len);
    if (!text || got < 0) talk_complain("%s: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    if (text) text[*len] = 0;
    if (got >= 0) return text;
    free(text);
    return NULL;
}

/* Write the path of the preyrun that is installed beside this program. */
static bool preyrun_path(char path[PATH_MAX])
{
    const ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - sizeof "preyrun");
    char *slash = len > 0 ? memrchr(path, '/', (size_t)len) : NULL;
    if (!slash) return !talk_complain("/proc/self/exe: %s", strerror(errno));
    strcpy(slash + 1, "preyrun");
    return true;
}

/* ---- the process that takes over ---- */

/* Move the calling process into the control group of the previous one, so that it is the service manager's, too. */
static void join_group(const char *groups)
{
    char path[PATH_MAX], pid[24];
    const char *line = strstr(groups, "0::/");
    if (!line) return;
    snprintf(path, sizeof path, "/sys/fs/cgroup%.*s/cgroup.procs", (int)strcspn(line + 3, "\n"), line + 3);
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    const int len = snprintf(pid, sizeof pid, "%ld", (long)getpid());
    if (fd < 0 || write(fd, pid, (size_t)len) != len)
        talk_complain("notice: the new process stays in this shell's control group: %s: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
}

/* Change to the previous process's folder, by its path: through /proc this process would be in the other mount
 * namespace. */
static void join_folder(long before)
{
    char link[64], folder[PATH_MAX];
    snprintf(link, sizeof link, "/proc/%ld/cwd", before);
    const ssize_t len = readlink(link, folder, sizeof folder - 1);
    if (len > 0) folder[len] = 0;
    if (len > 0 && !chdir(folder)) return;
    if (chdir(link))
        talk_complain("notice: the new process can't enter the working directory of the running one, %s: %s",
                      len > 0 ? folder : link, strerror(errno));
}

static void run_preyrun(long before, const struct words *line, const struct words *environment)
{
    size_t len;
    char *groups = proc_read(before, "cgroup", &len), *own = proc_read(getpid(), "cgroup", &len);
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (groups && own && strcmp(groups, own) != 0) join_group(groups);
    join_folder(before);
    if (nothing > 0) dup2(nothing, STDIN_FILENO);
    setsid(); /* the new process must outlive this terminal */
    execve(line->all[0], line->all, environment->all);
    talk_complain("%s: %s", line->all[0], strerror(errno));
    _exit(2);
}

/* Start the preyrun as a child, or with `orphan` as a child of process 1, which is then notified of its end. Return
 * its pid, or -1. */
static pid_t start_preyrun(long before, const struct words *line, const struct words *environment, bool orphan)
{
    int pair[2] = {-1, -1};
    if (orphan && pipe2(pair, O_CLOEXEC)) return -1;
    fflush(NULL);
    pid_t pid = fork();
    if (!pid) {
        const pid_t own = orphan ? fork() : 0;
        if (own) _exit(own < 0 || write(pair[1], &own, sizeof own) != sizeof own);
        run_preyrun(before, line, environment);
    }
    if (!orphan) return pid;
    close(pair[1]);
    if (pid > 0) waitpid(pid, NULL, 0);
    if (pid > 0 && read(pair[0], &pid, sizeof pid) != sizeof pid) pid = -1;
    close(pair[0]);
    return pid;
}

/* True if the answering instance is that process, whatever its answer, because it may have nothing to hand over
 * itself. */
static bool answers(const struct talk *t, long pid)
{
    char unsaid[500]; /* for a moment no instance may be there */
    struct talk look = {.line = t->line, .fd = reach(t->line, unsaid, sizeof unsaid), .in.most = MESSAGE_ANSWER_MOST};
    struct ucred peer = {0};
    socklen_t len = sizeof peer;
    struct message m;
    const bool is = look.fd >= 0 && !getsockopt(look.fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) && peer.pid == pid;
    int next = is && !talk_ask(&look, talk_question(QUESTION_TAKEOVER), -1) ? 1 : -1;
    while (next > 0) next = talk_next(&look, &m, PATIENCE_MS);
    talk_end(&look);
    return !next;
}

static bool has_ended(int process, int ms)
{
    struct pollfd p = {.fd = process, .events = POLLIN};
    return poll(&p, 1, ms) > 0;
}

/* Report how the new process has ended, as far as its parent can know. */
static int say_ended(pid_t pid, long before, bool let_go)
{
    int status = 0;
    char how[40] = "";
    if (waitpid(pid, &status, WNOHANG) == pid)
        snprintf(how, sizeof how, " with status %d", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return talk_complain("process %ld %s: the new process has ended%s", before,
                         let_go ? "has stopped judging, and now no process judges packets" : "keeps running", how);
}

/* True if the process only serves connections that it accepted earlier, and no longer judges (PARENT_BEFORE,
 * runtime/parent/). */
static bool serves_only(long pid)
{
    char path[64], name[24] = "";
    snprintf(path, sizeof path, "/proc/%ld/comm", pid);
    FILE *f = fopen(path, "re");
    if (f && !fgets(name, sizeof name, f)) *name = 0;
    if (f) fclose(f);
    return !strcmp(name, "preyrun-before\n");
}

/* Wait until the process judges, or has ended. Return the exit status. */
static int await_takeover(struct talk *t, pid_t pid, long before)
{
    const uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + (uint64_t)WAIT_MS * 1000000;
    const int former = (int)syscall(SYS_pidfd_open, before, 0), own = (int)syscall(SYS_pidfd_open, pid, 0);
    int status = -1;
    while (status < 0) {
        const bool failed = own < 0 || has_ended(own, 0);
        const bool let_go = former < 0 || has_ended(former, failed ? 0 : LOOK_MS) || serves_only(before);
        if (failed)
            status = say_ended(pid, before, let_go);
        else if (let_go && answers(t, pid))
            status = 0;
        else if (clock_ns(CLOCK_MONOTONIC) >= until_ns && let_go)
            status = talk_complain("process %ld has taken over from process %ld, but hasn't replied within %d s; to "
                                   "ask it again, run: preyctl status",
                                   (long)pid, before, WAIT_MS / 1000);
        else if (clock_ns(CLOCK_MONOTONIC) >= until_ns)
            status = talk_complain("process %ld hasn't taken over within %d s, but keeps trying; until it has, process "
                                   "%ld keeps running (to see which one runs, run: preyctl status)",
                                   (long)pid, WAIT_MS / 1000, before);
        else if (let_go)
            nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000}, NULL);
    }
    if (own >= 0) close(own);
    if (former >= 0) close(former);
    if (!status)
        printf(t->line->json ? "{\"process\":%ld,\"from\":%ld}\n" : "process %ld has taken over from %ld\n", (long)pid,
               before);
    return status;
}

/* True if the manager will accept the new process as the unit's main one; else a line gives the reason. */
static bool manager_hears(const char *unit, long before, const char *environment, size_t len)
{
    const char *main_process = getenv("MAINPID");
    if (!unit_is_told(environment, len))
        return !talk_complain(
            "nothing is taken over: the unit preyrun@%s doesn't accept a new main process (NotifyAccess=main allows "
            "that); to restart it, which ends flows, run: systemctl restart preyrun@%s",
            unit, unit);
    if (main_process && strtol(main_process, NULL, 10) != before)
        return !talk_complain("nothing is taken over: the main process of preyrun@%s is %s, but process %ld replies",
                              unit, main_process, before);
    return true;
}

/* True if the process is the first one of a PID namespace, as in a container. */
static bool begins_namespace(long pid)
{
    size_t len;
    char *text = proc_read(pid, "status", &len), *line = text ? strstr(text, "\nNSpid:") : NULL, *last = NULL;
    if (line) line[1 + strcspn(line + 1, "\n")] = 0;
    for (char *word = line ? strtok(line + 1, "\t ") : NULL; word; word = strtok(NULL, "\t ")) last = word;
    const bool first = last && !strcmp(last, "1");
    free(text);
    return first;
}

/* True if the other processes there outlive the end of that process; else a line gives the reason. */
static bool outlives(long before, const char *environment, size_t len)
{
    char unit[NAME_MAX];
    if (begins_namespace(before))
        return !talk_complain("nothing is taken over: process %ld is the first of its PID namespace, as in a "
                              "container, and its end would end all other processes there: restart the container",
                              before);
    if (unit_is_told(environment, len) || !unit_has_main(before, unit, sizeof unit)) return true;
    return !talk_complain(
        "nothing is taken over: process %ld is the main process of %s, and this unit would stop with it: set "
        "Type=notify and NotifyAccess=all in the unit (or run systemctl restart %s, which ends flows)",
        before, unit, unit);
}

/* Start the preyrun that takes over, and wait. Return the exit status. */
static int take_over(struct talk *t, long before, bool orphan, char *settings, size_t len)
{
    char path[PATH_MAX];
    size_t line_len;
    struct words line = {NULL, 0, 0}, environment = {NULL, 0, 0};
    char *cmdline = proc_read(before, "cmdline", &line_len);
    int status = 2;
    if (cmdline && preyrun_path(path) &&
        command_line_make(&line, path, t->line->arguments, t->line->count, cmdline, line_len) &&
        environment_make(&environment, settings, len)) {
        const pid_t pid = start_preyrun(before, &line, &environment, orphan);
        status = pid < 0 ? talk_complain("preyctl can't start preyrun: %s", strerror(errno))
                         : await_takeover(t, pid, before);
    }
    free(line.all);
    free(environment.all);
    free(cmdline);
    return status;
}

int command_TAKEOVER(struct talk *t)
{
    const struct command_line *l = t->line;
    char unit[NAME_MAX], own[NAME_MAX];
    size_t len;
    if (!words_are_options(l->arguments, l->count)) return 2;
    const long before = asked_process(t);
    talk_end(t);
    char *settings = before ? proc_read(before, "environ", &len) : NULL;
    if (!settings) return 2;
    int status = 2;
    const bool of_unit = unit_of(before, unit, sizeof unit);
    const bool within = of_unit && unit_of(getpid(), own, sizeof own) && !strcmp(unit, own);
    if (!of_unit)
        status = outlives(before, settings, len) ? take_over(t, before, false, settings, len) : 2;
    else if (manager_hears(unit, before, settings, len))
        status = within ? take_over(t, before, true, settings, len) : unit_takes_over(unit, l);
    free(settings);
    return status;
}
