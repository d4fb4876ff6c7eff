/* Opening a capture: which reader serves it, and what all readers have in common. */
#include "runtime/capture/capture_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char shrank[] =
    "the file shrank while it was being read: the last verdicts may be of bytes that were gone";

int capture_fault(struct capture *c, const char *fmt, ...)
{
    if (c->error[0]) return -1;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(c->error, sizeof c->error, fmt, ap);
    va_end(ap);
    return -1;
}

const char *capture_compressor(const uint8_t *bytes, size_t len, const char **tool)
{
    static const struct {
        const char *magic;
        uint8_t len;
        const char *name, *tool;
    } known[] = {
        {"\x1f\x8b", 2, "gzip", "gzip -dc"},
        {"\xfd"
         "7zXZ",
         5, "xz", "xz -dc"},
        {"\x28\xb5\x2f\xfd", 4, "zstd", "zstd -dc"},
        {"BZh", 3, "bzip2", "bzip2 -dc"},
        {"\x04\x22\x4d\x18", 4, "lz4", "lz4 -dc"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (len >= known[i].len && !memcmp(bytes, known[i].magic, known[i].len)) {
            *tool = known[i].tool;
            return known[i].name;
        }
    return NULL;
}

/* Choose the reader by the file's first bytes. */
static int choose(struct capture *c)
{
    const char *tool;
    const char *packer = capture_compressor(c->bytes, c->size, &tool);
    if (packer) return capture_fault(c, "it is compressed with %s: decompress it first (%s)", packer, tool);
    if (!c->size) return capture_fault(c, "it is empty, not a capture");
    if (c->size < 4) return capture_fault(c, "not a pcap or pcapng capture (%llu bytes)", (unsigned long long)c->size);
    const uint32_t magic = load32(c->bytes, false);
    c->ops = magic == 0x0a0d0d0a ? &capture_pcapng : &capture_pcap;
    return c->ops->open(c);
}

static int open_regular(struct capture *c, const struct stat *st)
{
    c->size = (uint64_t)st->st_size;
    if (map_open(c) < 0) return -1;
    return choose(c);
}

static int open_any(struct capture *c, const char *path)
{
    struct stat st;
    const bool standard = !strcmp(path, "-");
    c->fd = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (c->fd < 0 || fstat(c->fd, &st) < 0) return capture_fault(c, "%s", strerror(errno));
    if (S_ISDIR(st.st_mode)) return capture_fault(c, "%s", strerror(EISDIR));
    /* Standard input may be a file of which somebody has read the beginning: then it is a stream. */
    if (S_ISREG(st.st_mode) && (!standard || lseek(c->fd, 0, SEEK_CUR) == 0)) return open_regular(c, &st);
    c->ops = &capture_stream;
    return c->ops->open(c);
}

struct capture *capture_open(const char *path, char *err, size_t err_len)
{
    struct capture *c = calloc(1, sizeof *c);
    if (!c) {
        snprintf(err, err_len, "%s: out of memory", path);
        return NULL;
    }
    c->fd = c->map_slot = -1;
    if (open_any(c, path) < 0) {
        snprintf(err, err_len, "%s: %s", strcmp(path, "-") ? path : "standard input", c->error);
        capture_close(c);
        return NULL;
    }
    return c;
}

void capture_close(struct capture *c)
{
    if (!c) return;
    if (c->ops) c->ops->close(c);
    map_close(c);
    if (c->fd >= 0) close(c->fd);
    free(c);
}

unsigned capture_batch(struct capture *c, struct capture_frame *f, unsigned n)
{
    if (c->error[0]) return 0;
    if (map_faulted(c)) {
        capture_fault(c, "%s", shrank);
        return 0;
    }
    const unsigned got = c->ops->read(c, f, n);
    c->frames += got;
    if (got < n && c->bytes && map_shrunk(c)) {
        c->error[0] = 0;
        capture_fault(c, "%s", shrank);
        return 0;
    }
    return got;
}

int capture_next(struct capture *c, struct capture_frame *f)
{
    if (capture_batch(c, f, 1)) return 1;
    return c->error[0] ? -1 : 0;
}

const char *capture_error(const struct capture *c) { return c->error; }
uint64_t capture_size(const struct capture *c) { return c->size; }
uint64_t capture_position(const struct capture *c) { return c->at; }
uint64_t capture_copied(const struct capture *c) { return c->copied; }

bool capture_rewind(struct capture *c)
{
    if (c->ops == &capture_stream) return false;
    c->ops->close(c);
    c->at = c->fetched = c->frames = 0;
    c->error[0] = 0;
    return c->ops->open(c) == 0;
}

bool capture_is(const struct capture *c, const struct stat *st)
{
    struct stat own;
    return c->fd >= 0 && !fstat(c->fd, &own) && S_ISREG(own.st_mode) && own.st_dev == st->st_dev &&
           own.st_ino == st->st_ino;
}
