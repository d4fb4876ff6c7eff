/* The reader of a recording's file, for a replay: a buffer holds one block, whose length is checked at both of its
 * ends before its contents are passed on (film.h) */
#include "runtime/record/film.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/worker/worker.h"

enum { BLOCK_LEAST = 12, MACS = 12, TAG = 4, FRAME_MOST = 1 << 17, WINDOW = 1 << 18 };

static int file_begin(struct film *f)
{
    struct stat st;
    if (fstat(f->fd, &st)) return -errno;
    if (!S_ISREG(st.st_mode)) return -EINVAL;
    f->left = (uint64_t)st.st_size;
    f->bytes = malloc(WINDOW);
    f->room = WINDOW;
    return f->bytes ? 0 : -ENOMEM;
}

int film_open(struct film *f, int fd)
{
    *f = (struct film){.fd = fd};
    const int failed = file_begin(f);
    if (failed) close(fd);
    return failed;
}

void film_close(struct film *f)
{
    if (f->bytes && f->fd >= 0) close(f->fd);
    free(f->bytes);
    *f = (struct film){.fd = -1};
}

__attribute__((format(printf, 2, 3))) static bool fail(struct film *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(f->why, sizeof f->why, fmt, ap);
    va_end(ap);
    f->fault = f->why;
    return false;
}

/* Make room for `want` bytes from the next block on. */
static bool film_make_room(struct film *f, size_t want)
{
    if (f->at) memmove(f->bytes, f->bytes + f->at, f->len - f->at);
    f->gone += f->at;
    f->len -= f->at;
    f->at = 0;
    if (want <= f->room) return true;
    uint8_t *more = realloc(f->bytes, want);
    if (!more) return fail(f, "out of memory: a block of %zu bytes", want);
    f->bytes = more;
    f->room = want;
    return true;
}

/* Read as much of the file as fits. */
static bool read_more(struct film *f)
{
    while (f->left && f->len < f->room) {
        const size_t most = f->room - f->len;
        const ssize_t n = read(f->fd, f->bytes + f->len, f->left < most ? (size_t)f->left : most);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(f, "%s", strerror(errno));
        f->left = n ? f->left - (uint64_t)n : 0; /* the file has become shorter */
        f->len += (size_t)n;
    }
    return true;
}

/* True if `want` bytes of the next block are held, or all that exist. False: they cannot be read. */
static bool film_hold(struct film *f, size_t want)
{
    if (f->len - f->at >= want || !f->left) return true;
    const uint64_t all = f->len - f->at + f->left;
    return film_make_room(f, want < all ? want : (size_t)all) && read_more(f);
}

/* True if the block's closing length repeats its length. For a large block the file is checked first, because the
 * length may be anything and memory is reserved for it. */
static bool ends_so(struct film *f, uint32_t bytes)
{
    uint32_t end;
    if (f->len - f->at >= bytes) {
        memcpy(&end, f->bytes + f->at + bytes - 4, sizeof end);
        return end == bytes;
    }
    const off_t at = (off_t)(f->gone + f->at + bytes - 4);
    return pread(f->fd, &end, sizeof end, at) == sizeof end && end == bytes;
}

/* Find the next block: its type and body. False at the end. */
static bool next_block(struct film *f, uint32_t *type, struct cursor *body)
{
    uint32_t head[2];
    if (f->fault || !film_hold(f, BLOCK_LEAST)) return false;
    const uint64_t left = f->len - f->at + f->left;
    if (!left) return false;
    if (left < BLOCK_LEAST) return fail(f, "its last block is cut short");
    memcpy(head, f->bytes + f->at, sizeof head);
    if (head[1] < BLOCK_LEAST || head[1] % 4)
        return fail(f, "the recording is damaged: it has a block of %u bytes", head[1]);
    if (head[1] > left) return fail(f, "its last block is cut short");
    if (!ends_so(f, head[1])) return fail(f, "the recording is damaged: the two lengths of a block differ");
    if (!f->gone && !f->at && head[0] != NG_SECTION) return fail(f, "the file isn't a pcapng file");
    if (!film_hold(f, head[1])) return false;
    if (f->len - f->at < head[1]) return fail(f, "its last block is cut short");
    *type = head[0];
    *body = (struct cursor){f->bytes + f->at + 8, head[1] - BLOCK_LEAST};
    f->at += head[1];
    return true;
}

/* Read a custom block. False if it is not prey's. */
static bool read_custom(struct cursor c, struct scene *s)
{
    struct record_head h;
    if (!cursor_copy(&c, &h, sizeof h) || h.enterprise != RECORD_ENTERPRISE || h.magic != RECORD_MAGIC) return false;
    if (h.body > c.left || h.worker >= WORKERS_MOST || !h.kind || h.kind >= RECORD_KINDS) return false;
    *s = (struct scene){
        .kind = SCENE_CUSTOM, .what = (enum record_kind)h.kind, .worker = h.worker, .body = c.at, .len = h.body};
    return true;
}

/* Find prey's option among those of a packet. */
static bool read_tag(struct cursor c, struct record_tag *tag)
{
    struct {
        uint16_t code, len;
    } option;
    while (cursor_copy(&c, &option, sizeof option) && option.code != NG_OPT_END) {
        struct cursor value = {cursor_take(&c, (option.len + 3u) / 4 * 4), option.len};
        if (!value.at) return false;
        if (option.code == NG_OPT_CUSTOM && option.len == sizeof *tag && cursor_copy(&value, tag, sizeof *tag) &&
            tag->enterprise == RECORD_ENTERPRISE && tag->magic == RECORD_MAGIC)
            return true;
    }
    return false;
}

static bool read_packet(struct cursor c, struct scene *s)
{
    uint32_t h[5]; /* interface, time in two halves, bytes captured, bytes on the wire */
    struct record_tag tag;
    if (!cursor_copy(&c, h, sizeof h) || h[3] > FRAME_MOST) return false;
    const uint8_t *data = cursor_take(&c, (h[3] + 3u) / 4 * 4);
    if (!data || !read_tag(c, &tag) || tag.worker >= WORKERS_MOST) return false;
    const struct tape_frame *f = &tag.frame;
    if (f->tag_count > 2 || f->cap_len > FRAME_MOST) return false;
    const unsigned tags = f->cap_len >= MACS ? f->tag_count : 0;
    if (f->cap_len + tags * TAG != h[3] || f->wire_len < f->cap_len) return false;
    *s = (struct scene){.kind = SCENE_PACKET,
                        .worker = tag.worker,
                        .left = tag.left,
                        .wall_ns = (uint64_t)h[1] << 32 | h[2],
                        .frame = *f,
                        .front = tags ? data : NULL,
                        .body = tags ? data + MACS + tags * TAG : data};
    return true;
}

bool film_next(struct film *f, struct scene *s)
{
    uint32_t type;
    struct cursor body;
    while (next_block(f, &type, &body)) {
        if (type == NG_CUSTOM && read_custom(body, s)) return true;
        if (type == NG_PACKET && read_packet(body, s)) return true;
    }
    return false;
}
