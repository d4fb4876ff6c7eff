#include "runtime/base/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int write_whole(int fd, const void *bytes, size_t len)
{
    const char *from = bytes;

    while (len) {
        const ssize_t n = write(fd, from, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n ? -errno : -EIO;
        from += n;
        len -= (size_t)n;
    }
    return 0;
}

char *read_whole(int fd, size_t most, size_t *len)
{
    size_t room = 0;
    char *text = NULL;
    for (*len = 0;;) {
        if (*len == room) {
            room = room < most / 2 ? 2 * room + 65536 : most + 1;
            char *more = *len > most ? NULL : realloc(text, room + 1);
            if (*len > most) errno = EFBIG;
            if (!more) break;
            text = more;
        }
        ssize_t n = pread(fd, text + *len, room - *len, (off_t)*len);
        if (n < 0 && errno == ESPIPE) n = read(fd, text + *len, room - *len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) break;
        *len += (size_t)n;
        text[*len] = 0;
        if (n == 0) return text;
    }
    free(text);
    return NULL;
}

bool rules_are_compiled(const char *path, char *err, size_t err_len)
{
    const size_t len = strlen(path), tail = strlen(".prey");
    if (len <= tail || strcmp(path + len - tail, ".prey") != 0) return true;
    snprintf(err, err_len, "%.200s is rules as text; this compiles them: preyc %.200s -o %.*s.pbc", path, path,
             (int)(len - tail), path);
    return false;
}
