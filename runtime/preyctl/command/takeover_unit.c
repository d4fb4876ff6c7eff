/* Options go to the reload (systemd/prey-compile) by a file in /run/prey, which is locked as long as a preyctl
 * waits: the file of a killed preyctl has no effect. The answer comes back in it: a line with the status, then
 * words. */
#include "runtime/preyctl/command/takeover_unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/preyctl/talk.h"

bool unit_of(long pid, char *name, size_t size)
{
    static const char kind[] = "/preyrun@", end[] = ".service";
    char path[64], line[PATH_MAX];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%ld/cgroup", pid);
    FILE *f = fopen(path, "re");
    while (f && !found && fgets(line, sizeof line, f)) {
        const char *slash = strrchr(line, '/'), *dot = slash ? strstr(slash, end) : NULL;
        if (!dot || strncmp(slash, kind, sizeof kind - 1) != 0) continue;
        const size_t len = (size_t)(dot - slash) - (sizeof kind - 1);
        found = len && len < size && strcspn(dot + sizeof end - 1, "\n") == 0;
        if (found) snprintf(name, size, "%.*s", (int)len, slash + sizeof kind - 1);
    }
    if (f) fclose(f);
    return found;
}

/* Find, by its control group, the unit of the service to which a process belongs. */
static bool service_of(long pid, char *unit, size_t size)
{
    static const char end[] = ".service\n";
    char path[64], line[PATH_MAX];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%ld/cgroup", pid);
    FILE *f = fopen(path, "re");
    while (f && !found && fgets(line, sizeof line, f)) {
        const char *slash = strrchr(line, '/');
        const size_t len = slash ? strlen(slash + 1) : 0;
        found = len > sizeof end && len < size && !strcmp(slash + 1 + len - (sizeof end - 1), end);
        if (found) snprintf(unit, size, "%.*s", (int)len - 1, slash + 1);
    }
    if (f) fclose(f);
    return found;
}

/* Ask the manager for the main process of a unit. Return 0 if it has none, or without an answer. */
static long main_process(const char *unit)
{
    char answer[32] = "";
    int pair[2];
    ssize_t got = 0;
    if (pipe2(pair, O_CLOEXEC)) return 0;
    fflush(NULL);
    const pid_t pid = fork();
    if (!pid) {
        const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup2(pair[1], STDOUT_FILENO);
        if (nothing >= 0) dup2(nothing, STDERR_FILENO);
        execlp("systemctl", "systemctl", "show", "--value", "-p", "MainPID", "--", unit, (char *)NULL);
        _exit(127);
    }
    close(pair[1]);
    if (pid > 0) got = read(pair[0], answer, sizeof answer - 1);
    close(pair[0]);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
    return got > 0 ? strtol(answer, NULL, 10) : 0;
}

bool unit_has_main(long pid, char *unit, size_t size)
{
    return !access("/run/systemd/system", F_OK) && service_of(pid, unit, size) && main_process(unit) == pid;
}

bool unit_is_told(const char *environment, size_t len)
{
    static const char socket[] = "NOTIFY_SOCKET=";
    for (const char *word = environment; word < environment + len; word += strlen(word) + 1)
        if (!strncmp(word, socket, sizeof socket - 1)) return true;
    return false;
}

/* ---- the asking side ---- */

static bool write_word(int fd, const char *word)
{
    const ssize_t len = (ssize_t)strlen(word) + 1;
    return write(fd, word, (size_t)len) == len;
}

static bool write_words(int fd, const struct command_line *l)
{
    bool fine = !l->json || write_word(fd, "--json");
    for (unsigned i = 0; i < l->count && fine; i++) fine = write_word(fd, l->arguments[i]);
    return fine;
}

/* True if the open file is still the one at that path: an earlier asker may have removed it. */
static bool is_at(int fd, const char *path)
{
    struct stat own, there;
    return !fstat(fd, &own) && !stat(path, &there) && own.st_ino == there.st_ino && own.st_dev == there.st_dev;
}

/* Make the file that the reload looks for, locked. Return a descriptor, or -1 after a line. */
static int ask_by(const char *path, const struct command_line *l)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    const int failed = fd < 0 ? 0 : flock(fd, LOCK_EX | LOCK_NB) ? errno : is_at(fd, path) ? 0 : EWOULDBLOCK;
    if (failed) {
        talk_complain(failed == EWOULDBLOCK ? "another preyctl is already asking this instance for a takeover"
                                            : "%s: %s",
                      path, strerror(failed));
        close(fd);
        return -1;
    }
    if (fd >= 0 && !ftruncate(fd, 0) && write_words(fd, l)) return fd;
    talk_complain("%s: %s; nothing has changed", path, strerror(errno));
    if (fd >= 0) unlink(path);
    if (fd >= 0) close(fd);
    return -1;
}

/* Let the manager reload the unit, and wait. Return the exit status. */
static int reload(const char *unit)
{
    int status = 0;
    fflush(NULL);
    const pid_t pid = fork();
    if (!pid) {
        const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (nothing >= 0)
            dup2(nothing,
                 STDERR_FILENO); /* systemctl's message points to the journal, which has this program's text, too */
        execlp("systemctl", "systemctl", "--quiet", "reload", unit, (char *)NULL);
        _exit(127);
    }
    if (pid < 0) return talk_complain("preyctl can't start systemctl: %s", strerror(errno));
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    return !WIFEXITED(status) ? 2 : WEXITSTATUS(status);
}

/* Print the reload's answer. Return the exit status; -1 without an answer. */
static int show_answer(int fd)
{
    char text[4096];
    const ssize_t len = pread(fd, text, sizeof text - 1, 0);
    if (len < 1) return -1;
    text[len] = 0;
    const char *words = strchr(text, '\n');
    const bool good = words == text + 1 && *text == '0';
    if (words) fputs(words + 1, good ? stdout : stderr);
    return !words ? -1 : good ? 0 : 2;
}

int unit_takes_over(const char *name, const struct command_line *l)
{
    char path[PATH_MAX], unit[NAME_MAX];
    snprintf(path, sizeof path, "/run/prey/%.200s.takeover", name);
    snprintf(unit, sizeof unit, "preyrun@%.200s", name);
    const int fd = ask_by(path, l);
    if (fd < 0) return 2;
    const int reloaded = reload(unit);
    int status = show_answer(fd);
    unlink(path);
    close(fd);
    if (status >= 0) return status;
    if (reloaded == 127)
        return talk_complain("systemctl, which %s needs for a takeover, can't be started; nothing has changed", unit);
    if (!reloaded)
        return talk_complain("%s has reloaded, but its messages are lost (is /run full?); to see the running process, "
                             "use preyctl status",
                             unit);
    return talk_complain(
        "systemctl reload %s has failed, and nothing is taken over; to see why, run: systemctl status %s", unit, unit);
}
