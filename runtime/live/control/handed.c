/* Seals are checked first; then the file is read as one piece, and a program is verified */
#include "runtime/live/control/handed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool sealed_read(int fd, uint8_t *to, size_t len)
{
    for (size_t at = 0; at < len;) {
        const ssize_t n = pread(fd, to + at, len - at, (off_t)at);
        if (n <= 0 && (n == 0 || errno != EINTR)) return false;
        if (n > 0) at += (size_t)n;
    }
    return true;
}

static uint8_t *sealed_bytes(int fd, size_t most, const char *what, size_t *len, char *err, size_t err_len)
{
    /* the seals that preyctl sets: without them, a file could block its reader, or change meanwhile */
    const int wanted = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW, has = fcntl(fd, F_GET_SEALS);
    struct stat st;
    if (has < 0 || (has & wanted) != wanted || fstat(fd, &st)) {
        snprintf(err, err_len, "%s sent with the question isn't in a sealed memory file, which preyctl uses", what);
        return NULL;
    }
    *len = (size_t)st.st_size;
    if (st.st_size < 0 || *len > most) {
        snprintf(err, err_len, "larger than %zu bytes", most);
        return NULL;
    }
    uint8_t *bytes = malloc(*len + 1);
    if (bytes && sealed_read(fd, bytes, *len)) return bytes;
    snprintf(err, err_len, "%s", bytes ? "it can't be read" : "out of memory");
    free(bytes);
    return NULL;
}

void *handed_bytes(struct call *c, size_t most, const char *what, size_t *len, char *err, size_t err_len)
{
    const int fd = call_take_fd(c);
    if (fd < 0) {
        snprintf(err, err_len, "the question has no %s", what + strlen("the "));
        return NULL;
    }
    uint8_t *bytes = sealed_bytes(fd, most, what, len, err, err_len);
    close(fd);
    return bytes;
}

static struct program *handed_by(struct program *(*load)(const void *, size_t, char *, size_t), struct call *c,
                                 size_t most, char *err, size_t err_len)
{
    size_t len;
    void *bytes = handed_bytes(c, most, "the program", &len, err, err_len);
    struct program *p = bytes ? load(bytes, len, err, err_len) : NULL;
    free(bytes);
    return p;
}

struct program *handed_program(struct call *c, size_t most, char *err, size_t err_len)
{
    return handed_by(program_load_named, c, most, err, err_len);
}

bool handed_filter(const struct control *control, struct call *c, struct filter *f, char *err, size_t err_len)
{
    char why[300];
    *f = (struct filter){.program = NULL};
    if (!call_has_fd(c)) return true;
    /* preyctl has compiled the filter itself, so there is no file to name */
    struct program *p = handed_by(program_load, c, FILTER_BYTES_MOST, why, sizeof why);
    if (p) return filter_init(f, p, control->o->ifaces, control->o->iface_count, err, err_len);
    snprintf(err, err_len, "the filter: %s", why);
    return false;
}
