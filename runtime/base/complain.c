/* A line is one write. Under the journal its level is in front; a full pipe is tried for a second at most */
#include "runtime/base/complain.h"

#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "lang/utf8.h"

enum { PATIENCE_MS = 1000, UTF8_MOST = 4 /* most bytes of a character */ };

char *text_clean(char *s)
{
    for (char *p = s; *p;) {
        const size_t n = utf8_next(p, strnlen(p, UTF8_MOST));
        if (n == 0 || (n == 1 && ((unsigned char)*p < 0x20 || *p == 0x7f)))
            *p++ = '?';
        else
            p += n;
    }
    return s;
}

bool complain_to_journal(void)
{
    uintmax_t device, inode;
    struct stat here;
    const char *journal = getenv("JOURNAL_STREAM");
    if (!journal || sscanf(journal, "%ju:%ju", &device, &inode) != 2 || fstat(STDERR_FILENO, &here)) return false;
    return here.st_dev == device && here.st_ino == inode;
}

/* The line fits in PIPE_BUF: a pipe that poll calls ready takes the line at once. */
int complain(const char *fmt, ...)
{
    static const char notice[] = "notice: ";
    char line[1050], level[8] = "";
    if (complain_to_journal())
        snprintf(level, sizeof level, "<%d>", strncmp(fmt, notice, strlen(notice)) ? LOG_ERR : LOG_NOTICE);
    const size_t head = (size_t)snprintf(line, sizeof line, "%spreyrun: ", level);
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line + head, sizeof line - head - 1, fmt, ap);
    va_end(ap);
    strcat(text_clean(line), "\n");
    if (poll(&room, 1, PATIENCE_MS) > 0 && room.revents & POLLOUT) (void)!write(STDERR_FILENO, line, strlen(line));
    return 2;
}
