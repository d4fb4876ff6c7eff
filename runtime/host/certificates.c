/* See certificates.h. The whole text is looked at before the descriptor is given away, and its offset put back. */
#include "runtime/host/certificates.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LONGEST = 16 << 20 };

/* All of it. NULL: it cannot be read, or is too long. */
static char *read_all(int fd, size_t *len)
{
    struct stat s;
    if (fstat(fd, &s) || !S_ISREG(s.st_mode) || s.st_size > LONGEST) return NULL;
    char *text = malloc((size_t)s.st_size + 1);
    *len = 0;
    while (text && *len < (size_t)s.st_size) {
        const ssize_t n = pread(fd, text + *len, (size_t)s.st_size - *len, (off_t)*len);
        if (n <= 0) break;
        *len += (size_t)n;
    }
    return text;
}

static bool holds(const char *text, size_t len, const char *word) { return memmem(text, len, word, strlen(word)); }

int certificates_open(const char *path, char *err, size_t err_len)
{
    size_t len;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        const int failed = -errno;
        snprintf(err, err_len, "%.300s: %s", path, strerror(-failed));
        return failed;
    }
    char *text = read_all(fd, &len);
    const bool key = text && holds(text, len, "PRIVATE KEY-----");
    const bool good = text && !key && holds(text, len, "-----BEGIN ") && holds(text, len, "CERTIFICATE-----");
    free(text);
    if (good) return fd;
    snprintf(err, err_len, "%.300s %s", path,
             key ? "holds a private key: a file of certificates alone is wanted" : "holds no certificate (PEM)");
    close(fd);
    return -EINVAL;
}
