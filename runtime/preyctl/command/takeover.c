/* preyctl takeover: another preyrun beside the one that runs, with its command line and environment, which takes over
 */
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
#include "runtime/base/grown.h"
#include "runtime/preyctl/command.h"
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

/* Return the process that the instance is, which is the one to take over from; 0 after a line: it can't be. */
static long asked_process(struct talk *t)
{
    cJSON *document = NULL;
    if (talk_document(t, talk_question(QUESTION_TAKEOVER), &document)) return 0;
    const long pid = process_of(document);
    cJSON_Delete(document);
    if (pid <= 0) talk_complain("the program that answers is not a preyrun of this version");
    return pid;
}

/* Read a file of /proc, whole; the caller frees it. NULL after a line. *len: without the zero behind it */
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

/* ---- its words ---- */

struct words {
    char **all; /* [count], and a NULL behind; they point into others' memory */
    uint32_t count, room;
};

static bool word_add(struct words *w, const char *word)
{
    if (!grow(&w->all, w->count + 1, &w->room, 16, sizeof *w->all)) return !talk_complain("out of memory");
    w->all[w->count++] = (char *)(uintptr_t)word;
    w->all[w->count] = NULL;
    return true;
}

/* Options of preyrun, as far as it takes to tell a value from a word of its own */
static const struct run_option {
    const char *name, *argument; /* argument NULL: none */
} run_options[] = {
#define OPTION(name, letter, takes, argument, way, doc) {name, argument},
#include "runtime/base/options/options.def"
};

static const struct run_option *run_option(const char *word)
{
    const size_t len = strncmp(word, "--", 2) != 0 ? 0 : strcspn(word + 2, "=");
    for (size_t i = 0; len && i < sizeof run_options / sizeof *run_options; i++)
        if (strlen(run_options[i].name) == len && !strncmp(run_options[i].name, word + 2, len)) return &run_options[i];
    return NULL;
}

/* True if a word of the command line is given anew, or holds for the start before alone. */
static bool is_replaced(const struct command_line *l, const struct run_option *o)
{
    bool anew = !strcmp(o->name, "takeover") || !strcmp(o->name, "confirm");
    for (unsigned i = 0; i < l->count && !anew; i++) anew = run_option(l->arguments[i]) == o;
    return anew;
}

/* Make the new command line: options given here, then those of before that they do not replace. */
static bool command_line_make(struct words *w, const struct command_line *l, const char *preyrun, char *before,
                              size_t len)
{
    bool made = word_add(w, preyrun) && word_add(w, "--takeover");
    for (unsigned i = 0; i < l->count && made; i++) made = word_add(w, l->arguments[i]);
    bool first = true, only_words = false;
    for (char *word = before; word < before + len && made; word += strlen(word) + 1) {
        const struct run_option *o = only_words ? NULL : run_option(word);
        only_words |= !strcmp(word, "--");
        if (!first && o && is_replaced(l, o)) {
            if (o->argument && !strchr(word, '=')) word += strlen(word) + 1;
        } else if (!first) {
            made = word_add(w, word);
        }
        first = false;
    }
    return made;
}

/* Take its environment. The manager's watchdog waits for the process that it started, and now for any of the unit. */
static bool environment_make(struct words *w, char *before, size_t len)
{
    bool made = true;
    for (char *word = before; word < before + len && made; word += strlen(word) + 1)
        if (strncmp(word, "WATCHDOG_PID=", strlen("WATCHDOG_PID=")) != 0) made = word_add(w, word);
    return made && (w->count || word_add(w, "PATH=/usr/sbin:/usr/bin:/sbin:/bin"));
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

/* Move the calling process into the control group of the one before, so that it is the service manager's, too. */
static void join_group(const char *groups)
{
    char path[PATH_MAX], pid[24];
    const char *line = strstr(groups, "0::/");
    if (!line) return;
    snprintf(path, sizeof path, "/sys/fs/cgroup%.*s/cgroup.procs", (int)strcspn(line + 3, "\n"), line + 3);
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    const int len = snprintf(pid, sizeof pid, "%ld", (long)getpid());
    if (fd < 0 || write(fd, pid, (size_t)len) != len)
        talk_complain("notice: it stays in this shell's control group: %s: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
}

static void run_preyrun(long before, const struct words *line, const struct words *environment)
{
    char folder[64];
    size_t len;
    char *groups = proc_read(before, "cgroup", &len), *own = proc_read(getpid(), "cgroup", &len);
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (groups && own && strcmp(groups, own) != 0) join_group(groups);
    snprintf(folder, sizeof folder, "/proc/%ld/cwd", before);
    if (chdir(folder)) talk_complain("notice: %s: %s", folder, strerror(errno));
    if (nothing > 0) dup2(nothing, STDIN_FILENO);
    setsid(); /* it outlives this terminal */
    execve(line->all[0], line->all, environment->all);
    talk_complain("%s: %s", line->all[0], strerror(errno));
    _exit(2);
}

/* True if the instance that answers is that process, whatever it says: it may have nothing to hand over itself. */
static bool answers(const struct talk *t, long pid)
{
    char unsaid[500]; /* for a moment nobody may be there */
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

/* Wait until the process judges, or has ended. Return the exit status. */
static int await_takeover(struct talk *t, pid_t pid, long before)
{
    const uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + (uint64_t)WAIT_MS * 1000000;
    const int former = (int)syscall(SYS_pidfd_open, before, 0);
    for (;;) {
        int status;
        struct pollfd p = {.fd = former, .events = POLLIN};
        const bool failed = waitpid(pid, &status, WNOHANG) == pid;
        const int ended = poll(&p, 1, failed ? 0 : LOOK_MS);
        if (failed)
            return talk_complain("process %ld %s: the new one has ended with status %d", before,
                                 ended > 0 ? "has let go, and nobody judges" : "goes on",
                                 WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        if ((ended > 0 || former < 0) && answers(t, pid)) break;
        if (ended) nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000}, NULL);
        if (clock_ns(CLOCK_MONOTONIC) < until_ns) continue;
        return talk_complain("process %ld has not taken over within %d s, and goes on trying; %ld goes on until then",
                             (long)pid, WAIT_MS / 1000, before);
    }
    if (former >= 0) close(former);
    printf(t->line->json ? "{\"process\":%ld,\"from\":%ld}\n" : "process %ld has taken over from %ld\n", (long)pid,
           before);
    return 0;
}

int command_TAKEOVER(struct talk *t)
{
    char path[PATH_MAX];
    size_t line_len, environ_len;
    struct words line = {NULL, 0, 0}, environment = {NULL, 0, 0};
    const long before = asked_process(t);
    char *cmdline = before ? proc_read(before, "cmdline", &line_len) : NULL,
         *settings = cmdline ? proc_read(before, "environ", &environ_len) : NULL;
    int status = 2;
    talk_end(t);
    if (settings && preyrun_path(path) && command_line_make(&line, t->line, path, cmdline, line_len) &&
        environment_make(&environment, settings, environ_len)) {
        fflush(NULL);
        const pid_t pid = fork();
        if (!pid) run_preyrun(before, &line, &environment);
        status = pid < 0 ? talk_complain("a process cannot be started: %s", strerror(errno))
                         : await_takeover(t, pid, before);
    }
    free(line.all);
    free(environment.all);
    free(cmdline);
    free(settings);
    return status;
}
