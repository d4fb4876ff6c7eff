/* Opening of captures, and code common to the readers. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/capture/byte_source.h"
#include "runtime/capture/capture_priv.h"

static const char shrank[] = "the file shrank while preyrun read it: the last verdicts may be wrong";

int capture_fault(struct capture *c, const char *fmt, ...)
{
    if (c->error[0]) return -1;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(c->error, sizeof c->error, fmt, ap);
    va_end(ap);
    return -1;
}

void capture_state_free(struct capture *c)
{
    free(c->state);
    c->state = NULL;
}

/* Choose the reader by the file's first bytes. */
int capture_choose(struct capture *c)
{
    if (!c->size) return capture_fault(c, "the input is empty, not a capture");
    if (c->size < 4) return capture_fault(c, "not a pcap or pcapng capture (%llu bytes)", (unsigned long long)c->size);
    const uint32_t magic = load32(c->bytes, false);
    c->ops = magic == 0x0a0d0d0a ? &capture_pcapng : &capture_pcap;
    return 0;
}

static int open_any(struct capture *c, const char *path)
{
    struct stat st;
    const bool standard = !strcmp(path, "-");
    c->fd = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (c->fd < 0 || fstat(c->fd, &st) < 0) return capture_fault(c, "%s", strerror(errno));
    if (S_ISDIR(st.st_mode)) return capture_fault(c, "%s", strerror(EISDIR));
    /* Standard input may be a file that was read in part; it is then treated as a stream. */
    if (S_ISREG(st.st_mode) && (!standard || lseek(c->fd, 0, SEEK_CUR) == 0)) {
        /* The stream's reader unpacks a compressed file, or names its format. */
        c->file_size = c->size = (uint64_t)st.st_size;
        if (map_open(c) < 0) return -1;
        c->keeps = !packer_of(c->bytes, c->size);
        if (c->keeps) return capture_choose(c) < 0 ? -1 : c->ops->open(c);
        map_close(c);
        c->size = 0;
        return window_open(c);
    }
    return window_open(c);
}

struct capture *capture_open(const char *path, char *err, size_t err_len)
{
    struct capture *c = calloc(1, sizeof *c);
    if (!c) {
        snprintf(err, err_len, "%s: out of memory", path);
        return NULL;
    }
    c->fd = c->map_slot = -1;
    c->path = path;
    if (open_any(c, path) < 0) {
        snprintf(err, err_len, "%s: %s", capture_name(c), c->error);
        capture_close(c);
        return NULL;
    }
    return c;
}

void capture_close(struct capture *c)
{
    if (!c) return;
    if (c->ops) c->ops->close(c);
    if (c->source)
        window_close(c);
    else
        map_close(c);
    if (c->fd >= 0) close(c->fd);
    for (unsigned i = 0; i < c->part_count; i++) capture_close(c->parts[i]);
    free(c->parts);
    free(c);
}

unsigned capture_batch(struct capture *c, struct capture_frame *f, unsigned n)
{
    if (c->error[0]) return 0;
    if (map_faulted(c)) {
        capture_fault(c, "%s", shrank);
        return 0;
    }
    const unsigned got = c->source ? window_read(c, f, n) : c->ops->read(c, f, n);
    c->frames += got;
    if (got < n && c->map_slot >= 0 && map_shrunk(c)) {
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
uint64_t capture_copied(const struct capture *c) { return c->copied; }
bool capture_keeps(const struct capture *c) { return c->keeps; }
const char *capture_name(const struct capture *c)
{
    return c->path && strcmp(c->path, "-") ? c->path : "standard input";
}

/* Return the sum over the parts, or 0 if one of them is a pipe. */
uint64_t capture_size(const struct capture *c)
{
    uint64_t sum = c->file_size;
    for (unsigned i = 0; i < c->part_count; i++) {
        if (!capture_size(c->parts[i])) return 0;
        sum += capture_size(c->parts[i]);
    }
    return sum;
}

uint64_t capture_position(const struct capture *c)
{
    uint64_t sum = c->source ? source_position(c->source) : c->at;
    for (unsigned i = 0; i < c->part_count; i++) sum += capture_position(c->parts[i]);
    return sum;
}

void capture_ports(struct capture *c, uint16_t port, capture_named_fn *named, void *arg)
{
    for (unsigned i = 0; i < c->part_count; i++) capture_ports(c->parts[i], port, named, arg);
    c->port = port;
    c->named = named;
    c->named_arg = arg;
    const int own = named && c->ops == &capture_pcap ? named(arg, c->path, "") : -1;
    if (own >= 0) c->port = (uint16_t)own;
}

void capture_custom(struct capture *c, capture_custom_fn *fn, void *arg)
{
    for (unsigned i = 0; i < c->part_count; i++) capture_custom(c->parts[i], fn, arg);
    c->custom = fn;
    c->custom_arg = arg;
}

void capture_waiting(struct capture *c, const struct capture_waiting *w)
{
    for (unsigned i = 0; i < c->part_count; i++) capture_waiting(c->parts[i], w);
    if (c->source) source_waiting(c->source, w);
}

bool capture_rewind(struct capture *c)
{
    for (unsigned i = 0; i < c->part_count; i++)
        if (!capture_rewind(c->parts[i])) return false;
    if (c->source && !c->file_size) return false;
    c->ops->close(c);
    c->at = c->fetched = c->frames = 0;
    c->error[0] = 0;
    return c->source ? window_rewind(c) : c->ops->open(c) == 0;
}

bool capture_is(const struct capture *c, const struct stat *st)
{
    struct stat own;
    for (unsigned i = 0; i < c->part_count; i++)
        if (capture_is(c->parts[i], st)) return true;
    return c->fd >= 0 && !fstat(c->fd, &own) && S_ISREG(own.st_mode) && own.st_dev == st->st_dev &&
           own.st_ino == st->st_ino;
}
