/* preyrun on one of the sides: starting it, loading another program, ending it */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/diff/routers/side_priv.h"

static void hear(struct side *s)
{
    for (;;) {
        if (s->text_len > SAID_MOST / 2) {
            memmove(s->text, s->text + SAID_MOST / 4, s->text_len -= SAID_MOST / 4);
            s->text[s->text_len] = 0;
        }
        const ssize_t n = read(s->said, s->text + s->text_len, SAID_MOST - 1 - s->text_len);
        if (n <= 0) return;
        s->text[s->text_len += (size_t)n] = 0;
    }
}

static const char *built(const char *program, char buf[256])
{
    const char *b = getenv("B");
    snprintf(buf, 256, "%s/%s", b ? b : "build", program);
    return buf;
}

static bool start_prey(struct side *s, const struct world *w, const char *program)
{
    char path[256], control[256], names[IFS_MOST][8];
    const char *argv[40] = {built("preyrun", path),
                            "--workers",
                            "1",
                            "--name",
                            side_name(s->kind),
                            "--exec",
                            s->kind == SIDE_USER ? "user" : "kernel"};
    unsigned n = 7;
    if (s->kind == SIDE_USER)
        argv[n++] = "--io", argv[n++] = "packet";
    else
        argv[n++] = "--hook", argv[n++] = side_name(s->kind);
    snprintf(control, sizeof control, "%s/%s.sock", side_dir, side_name(s->kind));
    argv[n++] = "--control", argv[n++] = control;
    for (unsigned i = 0; i < w->ifs; i++) {
        if (!w->iface[i].served) continue;
        snprintf(names[i], sizeof names[i], "e%u", i);
        argv[n++] = "-i", argv[n++] = names[i];
    }
    argv[n++] = program;
    int ends[2];
    const int none = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (pipe2(ends, O_CLOEXEC) || fcntl(ends[0], F_SETFL, O_NONBLOCK)) abort();
    s->said = ends[0];
    s->text_len = 0;
    s->text[0] = 0;
    s->pid = side_start(s, argv, none, ends[1]);
    close(ends[1]);
    close(none);
    for (int waits = 0; waits < 600; waits++) {
        struct pollfd p = {s->said, POLLIN, 0};
        poll(&p, 1, 100);
        hear(s);
        if (strstr(s->text, "ready")) return true;
        if (p.revents == POLLHUP) break;
    }
    printf("# %s: preyrun doesn't start:\n", side_name(s->kind));
    side_print_lines(s->text);
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    close(s->said);
    s->pid = 0;
    return false;
}

bool side_set_prey(struct side *s, const struct world *w, const char *program)
{
    char path[256], control[256];
    if (!s->pid) return start_prey(s, w, program);
    snprintf(control, sizeof control, "%s/%s.sock", side_dir, side_name(s->kind));
    if (side_command(s, (const char *[]){built("preyctl", path), "--control", control, "load", program, NULL}, "",
                     false))
        return true;
    hear(s);
    side_print_lines(s->text);
    return false;
}

void side_tell(struct side *s)
{
    if (!s->pid) return;
    hear(s);
    printf("# %s, preyrun said:\n", side_name(s->kind));
    side_print_lines(s->text);
}

void side_end_prey(struct side *s)
{
    int status;
    if (!s->pid) return;
    kill(s->pid, SIGTERM);
    while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR) continue;
    close(s->said);
    s->pid = 0;
}
