/* preyctl stop: the end of a preyrun. */
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/preyctl/command.h"

enum { END_MS = 45000 /* the process that undoes everything gives the other process 30 s */ };

/* Return a descriptor of the process that listens, which ends last; -1: it has ended, or cannot be seen. */
static int listener(int fd)
{
    struct ucred peer = {0};
    socklen_t len = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) || peer.pid <= 0) return -1;
    return (int)syscall(SYS_pidfd_open, peer.pid, 0);
}

/* Wait for the process's end. Return 0, or 2 after a line. */
static int await(int process)
{
    struct pollfd p = {.fd = process, .events = POLLIN};
    if (process < 0) return 0;
    const int ended = poll(&p, 1, END_MS);
    close(process);
    return ended == 1 ? 0 : talk_complain("preyrun hasn't ended within %d s", END_MS / 1000);
}

int command_STOP(struct talk *t)
{
    static const char usage[] = "[--open]";
    const bool open = argument_flag(t->line, "--open");
    const char *other = argument_unknown(t->line);
    if (other) return talk_complain("`%.60s` isn't an option of stop: preyctl stop %s", other, usage);
    if (command_takes(t, 0, 0, usage) || talk_begin(t)) return 2;
    const int process = listener(t->fd);
    cJSON *question = talk_question(QUESTION_STOP);
    if (open) cJSON_AddTrueToObject(question, "open");
    int status = talk_done(t, question);
    if (!status && !t->line->json) puts(t->words);
    if (!status) fflush(stdout);
    return status ? status : await(process);
}
