/* Reads wait for bytes or the stop; an unpacker is chosen by the first bytes, and bounds on its output stop a bomb */
#include "runtime/capture/byte_source.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RAW = 1 << 16, WAIT_MS = 250 };

struct source {
    int fd;
    bool regular, ended, stopped;
    struct capture_waiting waiting;
    const struct packer *packer; /* compressor of the bytes; NULL: not compressed */
    void *unpacking;
    bool whole; /* the unpacked bytes may end here */
    uint64_t in, out;
    size_t at, len; /* place and number of the unread bytes in `raw` */
    uint8_t raw[RAW];
};

#define PACKER(ident, magic, len, name, tool) extern const struct unpacker unpack_##ident;
#define PACKER_OTHER(ident, magic, len, name, tool)
#include "runtime/capture/packer.def"

static const struct row {
    const char *magic;
    size_t len;
    struct packer packer;
} rows[] = {
#define PACKER(ident, magic, len, name, tool)       {magic, len, {name, tool, &unpack_##ident}},
#define PACKER_OTHER(ident, magic, len, name, tool) {magic, len, {name, tool, NULL}},
#include "runtime/capture/packer.def"
};

const struct packer *packer_of(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (len >= rows[i].len && !memcmp(bytes, rows[i].magic, rows[i].len)) return &rows[i].packer;
    return NULL;
}

struct source *source_new(int fd)
{
    struct stat st;
    struct source *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->fd = fd;
    s->regular = !fstat(fd, &st) && S_ISREG(st.st_mode);
    s->waiting.stop_fd = -1;
    return s;
}

static void unpacking_end(struct source *s)
{
    if (s->unpacking) s->packer->unpacker->close(s->unpacking);
    s->unpacking = NULL;
    s->packer = NULL;
}

void source_free(struct source *s)
{
    if (s) unpacking_end(s);
    free(s);
}

void source_waiting(struct source *s, const struct capture_waiting *w) { s->waiting = *w; }
bool source_stopped(const struct source *s) { return s->stopped; }
uint64_t source_position(const struct source *s) { return s->in - (s->len - s->at); }

bool source_rewind(struct source *s)
{
    if (!s->regular || lseek(s->fd, 0, SEEK_SET) != 0) return false;
    unpacking_end(s);
    s->at = s->len = 0;
    s->in = s->out = 0;
    s->ended = s->whole = false;
    return true;
}

/* Wait until there is something to read. False: ended by stop_fd. */
static bool wait_for_more(struct source *s)
{
    struct pollfd fds[2] = {{.fd = s->fd, .events = POLLIN}, {.fd = s->waiting.stop_fd, .events = POLLIN}};
    for (int ms = 0; !s->regular; ms = WAIT_MS) {
        const int ready = poll(fds, 2, ms);
        if (fds[1].revents) s->stopped = true;
        if (s->stopped) return false;
        if (ready > 0 || (ready < 0 && errno != EINTR)) return true; /* a descriptor that can't be polled is read */
        if (s->waiting.fn) s->waiting.fn(s->waiting.arg);
    }
    return true;
}

/* Read from the descriptor. Return the number of bytes, 0 at the end, or -1 with errno. */
static ssize_t read_more(struct source *s, uint8_t *to, size_t room)
{
    if (s->ended || !wait_for_more(s)) return 0;
    ssize_t n;
    do n = read(s->fd, to, room);
    while (n < 0 && errno == EINTR);
    s->ended = n == 0;
    if (n > 0) s->in += (uint64_t)n;
    return n;
}

/* Fill raw up to `least` bytes, unless the input ends before. */
static int raw_fill(struct source *s, size_t least, char *err, size_t err_len)
{
    if (s->at == s->len) s->at = s->len = 0;
    while (s->len - s->at < least && s->len < RAW) {
        const ssize_t n = read_more(s, s->raw + s->len, RAW - s->len);
        if (n < 0) return snprintf(err, err_len, "%s", strerror(errno)), -1;
        if (!n) break;
        s->len += (size_t)n;
    }
    return 0;
}

int source_unpack(struct source *s, const struct packer **packer, char *err, size_t err_len)
{
    enum { MAGIC = 6 };
    if (raw_fill(s, MAGIC, err, err_len) < 0) return -1;
    *packer = packer_of(s->raw + s->at, s->len - s->at);
    if (!*packer || !(*packer)->unpacker) return 0;
    s->packer = *packer;
    s->unpacking = s->packer->unpacker->open();
    if (s->unpacking) return 0;
    s->packer = NULL;
    snprintf(err, err_len, "out of memory");
    return -1;
}

static int unpack_fault(const struct source *s, const char *why, char *err, size_t err_len)
{
    snprintf(err, err_len, "%s: %s", s->packer->name, why);
    return -1;
}

static bool is_bomb(const struct source *s)
{
    return s->out > SOURCE_UNPACKED_FREE && s->out / SOURCE_UNPACKED_TIMES > s->in;
}

static long unpack(struct source *s, uint8_t *to, size_t room, char *err, size_t err_len)
{
    struct unpack_step step = {.out = to, .out_left = room, .whole = s->whole};
    while (step.out_left == room) {
        if (raw_fill(s, 1, err, err_len) < 0) return -1;
        const bool end = s->at == s->len;
        if (end && (s->stopped || step.whole)) return 0;
        step.in = s->raw + s->at;
        step.in_left = s->len - s->at;
        const char *why = s->packer->unpacker->step(s->unpacking, &step);
        s->at = s->len - step.in_left;
        if (why) return unpack_fault(s, why, err, err_len);
        if (end && step.out_left == room && !step.whole)
            return unpack_fault(s, "the input ends in the middle of the compressed data", err, err_len);
    }
    s->whole = step.whole;
    s->out += room - step.out_left;
    if (!is_bomb(s)) return (long)(room - step.out_left);
    return unpack_fault(
        s, "the input unpacks to more than 1,000 times its size: if you expect that, unpack the input first", err,
        err_len);
}

long source_read(struct source *s, uint8_t *to, size_t room, char *err, size_t err_len)
{
    if (s->packer) return unpack(s, to, room, err, err_len);
    if (s->at == s->len) {
        const ssize_t n = read_more(s, to, room);
        if (n < 0) snprintf(err, err_len, "%s", strerror(errno));
        return n;
    }
    const size_t n = s->len - s->at < room ? s->len - s->at : room;
    memcpy(to, s->raw + s->at, n);
    s->at += n;
    return (long)n;
}
