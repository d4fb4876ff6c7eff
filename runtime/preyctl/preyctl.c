/* preyctl: questions and orders to a running preyrun. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "runtime/base/out.h"
#include "runtime/preyctl/command.h"

static int (*const commands[COMMANDS])(struct talk *) = {
#define COMMAND(ident, ...) [COMMAND_##ident] = command_##ident,
#include "runtime/preyctl/command.def"
};

int command_takes(const struct talk *t, unsigned least, unsigned most, const char *usage)
{
    const struct command_line *l = t->line;
    if (l->count >= least && l->count <= most) return 0;
    if (l->count > most && !*usage) return talk_complain("%s takes no arguments: `%.60s`", l->word, l->arguments[0]);
    return talk_complain("usage: preyctl %s %s", l->word, usage);
}

int main(int argc, char *argv[])
{
    struct command_line line;
    struct talk t = {.line = &line, .fd = -1};
    char err[300];
    int status = 0;
    signal(SIGPIPE, SIG_IGN); /* a reader that is gone is a write error */
    switch (command_line_read(argc, (const char **)(uintptr_t)argv, &line, stdout, err, sizeof err)) {
    case LINE_WRONG: return talk_complain("%s", err);
    case LINE_RUN: status = commands[line.command](&t); break;
    case LINE_DONE: break;
    }
    talk_end(&t);
    errno = 0;
    if ((fflush(stdout) || ferror(stdout)) && status == 0) {
        const int failed = stream_error(stdout);
        status = 2;
        if (failed != EPIPE) talk_complain("standard output: %s", strerror(failed));
    }
    return status;
}
