/* The waiting process reads only one byte */
#include "runtime/parent/between/starter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "runtime/base/complain.h"
#include "runtime/base/files.h"
#include "runtime/parent/between/apart.h"
#include "runtime/parent/between/channel.h"

extern char **environ;

enum { WORDS_MOST = 4096, LINE_MOST = 1 << 21, SAYS_NS = 1000000000 };
enum { STREAMS = 2 }; /* standard output and error */

static int say_soon(int fd, const void *what, size_t len, const int fds[], unsigned count)
{
    return channel_send(fd, what, len, fds, count, channel_until(SAYS_NS));
}

/* Make the command line: this process's, without options that were only for its start. `text` stays in use. */
static void words_make(char *text, size_t len, char *words[WORDS_MOST])
{
    unsigned n = 0;
    bool only_words = false;
    for (char *word = text; word < text + len && n + 2 < WORDS_MOST; word += strlen(word) + 1) {
        only_words |= !strcmp(word, "--");
        const bool confirm = !only_words && n && !strcmp(word, "--confirm");
        if (confirm) word += strlen(word) + 1;
        if (confirm || (!only_words && n && (!strncmp(word, "--confirm=", 10) || !strcmp(word, "--takeover"))))
            continue;
        words[n++] = word;
        if (n == 1) words[n++] = "--takeover";
    }
    words[n] = NULL;
}

/* Become that preyrun: this program, whatever is at its path now, because it reads data that this one has written. */
static void become(int with, int ends, char *text, size_t len)
{
    char *words[WORDS_MOST], number[40];
    sigset_t none;
    words_make(text, len, words);
    snprintf(number, sizeof number, "%d:%d", with, ends);
    if (fcntl(with, F_SETFD, 0) || fcntl(ends, F_SETFD, 0) || setenv(STARTER_SOCKET, number, 1)) return;
    unsetenv("WATCHDOG_PID"); /* the manager's watchdog waited for the process that it started */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve("/proc/self/exe", words, environ);
    complain("the service can't be started again: %s", strerror(errno));
}

static _Noreturn void stand_by(int fd)
{
    sigset_t all;
    size_t len = 0;
    unsigned count = 0;
    int sent[STREAMS];
    uint8_t word;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL); /* the parent receives these signals */
    prctl(PR_SET_NAME, STARTER_NAME);
    close_range(STDERR_FILENO + 1, (unsigned)fd - 1, 0);
    close_range((unsigned)fd + 1, ~0u, 0);
    const int line = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    char *text = line < 0 ? NULL : read_whole(line, LINE_MOST, &len);
    if (!text) _exit(2);
    while (!channel_receive(fd, &word, sizeof word, sent, STREAMS, &count, CHANNEL_ANY) && count) {
        if (count < STREAMS) {
            become(sent[0], fd, text, len);
            break;
        }
        for (int i = 0; i < STREAMS; i++) {
            dup2(sent[i], STDOUT_FILENO + i);
            close(sent[i]);
        }
    }
    _exit(0);
}

struct starter starter_begin(void)
{
    struct starter s = {.fd = -1};
    s.pid = fork_apart(&s.fd);
    if (!s.pid) stand_by(s.fd);
    if (s.pid > 0) return s;
    errno = -s.pid;
    s.fd = -1;
    return s;
}

int starter_start(const struct starter *s, int with)
{
    const uint8_t word = 1;
    return s->fd < 0 ? -ENOENT : say_soon(s->fd, &word, sizeof word, &with, 1);
}

int starter_streams(const struct starter *s)
{
    const uint8_t word = 1;
    const int streams[STREAMS] = {STDOUT_FILENO, STDERR_FILENO};
    return s->fd < 0 ? 0 : say_soon(s->fd, &word, sizeof word, streams, STREAMS);
}

/* Socket on which the previous process learns how this one ends; -1 if no process waits for that */
static int ends_to = -1;

int starter_socket(void)
{
    const char *said = getenv(STARTER_SOCKET);
    int with, ends;
    if (!said || sscanf(said, "%d:%d", &with, &ends) != 2) return -1;
    unsetenv(STARTER_SOCKET);
    prctl(PR_SET_NAME, "preyrun"); /* from its path, the name would be `exe` */
    fcntl(with, F_SETFD, FD_CLOEXEC);
    fcntl(ends, F_SETFD, FD_CLOEXEC);
    ends_to = ends;
    return with;
}

void starter_said(const int32_t *status)
{
    if (ends_to < 0) return;
    if (status) say_soon(ends_to, status, sizeof *status, NULL, 0);
    close(ends_to);
    ends_to = -1;
}

void starter_leave(struct starter *s)
{
    if (s->fd >= 0) close(s->fd);
    s->fd = -1;
}
