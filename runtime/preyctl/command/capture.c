/* preyctl capture: packets as they come, written to a pcapng file that is complete however the command ends. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/files.h"
#include "runtime/preyctl/command.h"
#include "runtime/preyctl/command_line.h"
#include "runtime/preyctl/look_ask.h"

static const char usage[] = "[FILTER] -w FILE [--only WHICH] [--count N] [--for D] [--snap N]";

/* Write each message, which holds whole blocks, as soon as it comes. */
static int blocks_hear(struct talk *t, int to, const char *path)
{
    struct message m;
    int next;
    while ((next = talk_next(t, &m, -1)) > 0) {
        if (m.kind == MESSAGE_TEXT) fprintf(stderr, "%.*s\n", (int)m.len, m.body);
        if (m.kind == MESSAGE_DOCUMENT && t->line->json && to != STDOUT_FILENO) printf("%.*s\n", (int)m.len, m.body);
        const int failed = m.kind == MESSAGE_BYTES ? write_whole(to, m.body, m.len) : 0;
        if (failed) return failed == -EPIPE ? 2 : talk_complain("%s: %s", path, strerror(-failed));
    }
    const int status = talk_over(t, next);
    if (!status) fprintf(stderr, "%s\n", t->words);
    return status;
}

int command_CAPTURE(struct talk *t)
{
    const char *path = argument_value(t->line, "-w");
    if (!path || !*path) return talk_complain("-w FILE is missing: preyctl capture %s", usage);
    if (look_ask(t, QUESTION_CAPTURE, usage)) return 2;
    const int to = strcmp(path, "-") ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : STDOUT_FILENO;
    if (to < 0) return talk_complain("%s: %s", path, strerror(errno));
    int status = blocks_hear(t, to, path);
    if (to != STDOUT_FILENO && close(to) && !status) status = talk_complain("%s: %s", path, strerror(errno));
    return status;
}
