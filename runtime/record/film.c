/* See film.h. */
#include "runtime/record/film.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/worker/worker.h"

enum { BLOCK_LEAST = 12, MACS = 12, TAG = 4, FRAME_MOST = 1 << 17 };

void film_of(struct film *f, uint8_t *bytes, size_t len) { *f = (struct film){.bytes = bytes, .len = len}; }

int film_open(struct film *f, int fd, size_t most)
{
    struct stat st;
    *f = (struct film){0};
    if (fstat(fd, &st)) return -errno;
    if (!S_ISREG(st.st_mode)) return -EINVAL;
    const size_t room = (uint64_t)st.st_size < most ? (size_t)st.st_size : most;
    film_of(f, malloc(room + 1), 0);
    if (!f->bytes) return -ENOMEM;
    while (f->len < room) {
        const ssize_t n = read(fd, f->bytes + f->len, room - f->len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -errno;
        if (!n) break;
        f->len += (size_t)n;
    }
    return 0;
}

void film_close(struct film *f)
{
    free(f->bytes);
    *f = (struct film){0};
}

static bool fail(struct film *f, const char *why)
{
    f->fault = why;
    return false;
}

/* The next block's type and what it holds; false: there is none. */
static bool next_block(struct film *f, uint32_t *type, struct cursor *body)
{
    uint32_t head[2], end;
    const size_t left = f->len - f->at;
    if (f->fault || !left) return false;
    if (left < BLOCK_LEAST) return fail(f, "its last block is cut short");
    memcpy(head, f->bytes + f->at, sizeof head);
    if (head[1] < BLOCK_LEAST || head[1] % 4) return fail(f, "a block has no such length");
    if (head[1] > left) return fail(f, "its last block is cut short");
    memcpy(&end, f->bytes + f->at + head[1] - 4, sizeof end);
    if (end != head[1]) return fail(f, "a block's two lengths differ");
    if (!f->at && head[0] != NG_SECTION) return fail(f, "it is no pcapng");
    *type = head[0];
    *body = (struct cursor){f->bytes + f->at + 8, head[1] - BLOCK_LEAST};
    f->at += head[1];
    return true;
}

/* False: it is somebody else's. */
static bool read_custom(struct cursor c, struct scene *s)
{
    struct {
        uint32_t enterprise, magic;
        uint16_t kind, worker;
        uint32_t body;
    } h;
    if (!cursor_copy(&c, &h, sizeof h) || h.enterprise != RECORD_ENTERPRISE || h.magic != RECORD_MAGIC) return false;
    if (h.body > c.left || h.worker >= WORKERS_MOST || !h.kind || h.kind >= RECORD_KINDS) return false;
    *s = (struct scene){
        .kind = SCENE_CUSTOM, .what = (enum record_kind)h.kind, .worker = h.worker, .body = c.at, .len = h.body};
    return true;
}

/* Our option among those of a packet. */
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
