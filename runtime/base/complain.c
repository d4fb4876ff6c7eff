#include "runtime/base/complain.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/clean.h"

enum { PATIENCE_MS = 1000 };

/* The line fits in PIPE_BUF: a pipe that poll calls ready takes that much at once. */
int complain(const char *fmt, ...)
{
    char line[1050] = "preyrun: ";
    const size_t head = strlen(line);
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line + head, sizeof line - head - 1, fmt, ap);
    va_end(ap);
    strcat(text_clean(line), "\n");
    if (poll(&room, 1, PATIENCE_MS) > 0 && room.revents & POLLOUT) (void)!write(STDERR_FILENO, line, strlen(line));
    return 2;
}
