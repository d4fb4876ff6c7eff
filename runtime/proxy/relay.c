/* Copies through one buffer: read, write all of it, read on. */
#include "runtime/proxy/relay.h"

#include <errno.h>

enum { MOVED_AT_ONCE = 1 << 20 }; /* bytes, before others have their turn */

/* All that the buffer holds. WAY_DONE: it is empty. */
static enum way_result put(struct way *w, int *err)
{
    struct buffer *b = w->buffer;
    while (buffer_len(b)) {
        const ssize_t n = side_write(w->to, buffer_at(b), buffer_len(b));
        if (n == -EAGAIN) return WAY_WAITS;
        if (n < 0) {
            *err = (int)n;
            return WAY_TO;
        }
        b->from += (uint32_t)n;
        w->moved += (uint64_t)n;
    }
    return WAY_DONE;
}

/* The end of `from` was read. */
static enum way_result end(struct way *w, int *err)
{
    if (w->left != WAY_ALL) return WAY_CUT;
    if (w->keeps_open) return WAY_DONE;
    const int failed = side_shut(w->to);
    if (!failed) return WAY_DONE;
    if (failed == -EAGAIN) return WAY_WAITS;
    *err = failed;
    return WAY_TO;
}

/* Into the buffer, which is empty. WAY_DONE: something is in it, or all has come. */
static enum way_result get(struct way *w, bool *ended, int *err)
{
    struct buffer *b = w->buffer;
    b->from = b->to = BUFFER_FRONT;
    const uint32_t room = buffer_room(b);
    const ssize_t n = side_read(w->from, buffer_at(b), w->left < room ? (size_t)w->left : room);
    if (n == -EAGAIN) return WAY_WAITS;
    if (n < 0) {
        *err = (int)n;
        return WAY_FROM;
    }
    *ended = n == 0;
    b->to += (uint32_t)n;
    if (w->left != WAY_ALL) w->left -= (uint64_t)n;
    return WAY_DONE;
}

static enum way_result move(struct way *w, struct slab *buffers, int *err)
{
    const uint64_t before = w->moved;
    for (;;) {
        enum way_result r = w->buffer ? put(w, err) : WAY_DONE;
        if (r != WAY_DONE) return r;
        if (!w->left) return WAY_DONE;
        if (w->from->flags & SIDE_ENDED) return end(w, err);
        if (w->moved - before >= MOVED_AT_ONCE) return WAY_AGAIN;
        if (!(w->from->flags & SIDE_MAY_READ)) return WAY_WAITS;
        if (!w->buffer) w->buffer = buffer_take(buffers);
        if (!w->buffer) return WAY_NO_BUFFER;
        bool ended = false;
        r = get(w, &ended, err);
        if (r != WAY_DONE) return r;
    }
}

enum way_result way_move(struct way *w, struct slab *buffers, int *err)
{
    const enum way_result r = move(w, buffers, err);
    if (w->buffer && !buffer_len(w->buffer)) way_fini(w, buffers);
    return r;
}

void way_fini(struct way *w, struct slab *buffers)
{
    if (w->buffer) slab_give(buffers, w->buffer);
    w->buffer = NULL;
}
