/* Small parts are copied, with two system calls. A read that fills its buffer shows that there is more: from then on
 * the kernel moves the bytes through a pipe, until parts are small again. README.md has measurements. */
#include "runtime/proxy/loop/relay.h"

#include <errno.h>
#include <fcntl.h>

enum {
    MOVED_AT_ONCE = 1 << 20, /* most bytes per turn of a session, before others get their turn */
    SMALL = 4096,
    SMALL_MOST = 8,
};

/* Write the buffer's bytes. WAY_DONE: the buffer is empty. */
static enum way_result way_put(struct way *w)
{
    struct buffer *b = w->buffer;
    while (buffer_len(b)) {
        /* the last bytes and the end go in one segment */
        if (w->from->flags & SIDE_ENDED && w->left == WAY_ALL && !w->keeps_open) w->to->flags |= SIDE_MORE;
        const ssize_t n = side_write(w->to, buffer_at(b), buffer_len(b));
        if (n == -EAGAIN) return WAY_WAITS;
        if (n < 0) return WAY_TO;
        b->from += (uint32_t)n;
        w->moved += (uint64_t)n;
    }
    return WAY_DONE;
}

/* Read into the buffer, which is empty. WAY_DONE: it has bytes, or all have come. */
static enum way_result get(struct way *w, struct slab *buffers)
{
    if (!w->buffer) w->buffer = buffer_take(buffers);
    struct buffer *b = w->buffer;
    if (!b) return WAY_NO_BUFFER;
    b->from = b->to = BUFFER_FRONT;
    const uint32_t room = buffer_room(b);
    const ssize_t n = side_read(w->from, buffer_at(b), w->left < room ? (size_t)w->left : room);
    if (n == -EAGAIN) return WAY_WAITS;
    if (n < 0) return WAY_FROM;
    b->to += (uint32_t)n;
    if (w->left != WAY_ALL) w->left -= (uint64_t)n;
    w->splices = w->pipes && n == (ssize_t)room && side_can_splice(w->from) && side_can_splice(w->to);
    w->small = 0;
    return WAY_DONE;
}

/* Return the result for errno: not ready, or the side `whose` has failed */
static enum way_result not_spliced(struct side *s, unsigned may, enum way_result whose)
{
    if (errno == EAGAIN) {
        s->flags &= (uint16_t)~may;
        return WAY_WAITS;
    }
    s->flags |= SIDE_FAILED;
    return whose;
}

/* Write the pipe's bytes. WAY_DONE: the pipe is empty. */
static enum way_result push(struct way *w)
{
    struct pipe *p = w->pipe;
    while (p->held) {
        if (!(w->to->flags & SIDE_MAY_WRITE)) return WAY_WAITS;
        const ssize_t n = splice(p->out, NULL, w->to->fd, NULL, p->held, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (n < 0) return not_spliced(w->to, SIDE_MAY_WRITE, WAY_TO);
        p->held -= (uint32_t)n;
        w->to->wrote += (uint64_t)n;
        w->moved += (uint64_t)n;
    }
    return WAY_DONE;
}

/* Read into the pipe, which is empty. WAY_DONE: it has bytes, or all have come. */
static enum way_result pull(struct way *w)
{
    const size_t most = w->left < w->pipe->bytes ? (size_t)w->left : w->pipe->bytes;
    const ssize_t n = splice(w->from->fd, NULL, w->pipe->in, NULL, most, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (n < 0) return not_spliced(w->from, SIDE_MAY_READ, WAY_FROM);
    if (n == 0) w->from->flags |= SIDE_ENDED;
    w->pipe->held = (uint32_t)n;
    w->from->read += (uint64_t)n;
    if (w->left != WAY_ALL) w->left -= (uint64_t)n;
    w->small = n < SMALL ? (uint8_t)(w->small + 1) : 0;
    w->splices = w->small < SMALL_MOST;
    return WAY_DONE;
}

/* Handle the end of `from` */
static enum way_result way_end(struct way *w)
{
    if (w->left != WAY_ALL) return WAY_CUT;
    if (w->keeps_open) return WAY_DONE;
    const int failed = side_shut(w->to);
    return !failed ? WAY_DONE : failed == -EAGAIN ? WAY_WAITS : WAY_TO;
}

/* splice() stops before an urgent byte and never gets past it: after one, bytes are copied. */
static enum way_result fetch(struct way *w, struct slab *buffers)
{
    if (w->from->flags & SIDE_HUNG) w->splices = false;
    if (w->splices && !w->pipe) w->pipe = pipe_take(w->pipes);
    return w->splices && w->pipe ? pull(w) : get(w, buffers);
}

static enum way_result way_step(struct way *w, struct slab *buffers)
{
    const uint64_t before = w->moved;
    for (;;) {
        enum way_result r = w->buffer ? way_put(w) : WAY_DONE;
        if (r == WAY_DONE && w->pipe) r = push(w);
        if (r != WAY_DONE) return r;
        if (!w->left) return WAY_DONE;
        if (w->from->flags & SIDE_ENDED) return way_end(w);
        if (w->moved - before >= MOVED_AT_ONCE) return WAY_AGAIN;
        if (!(w->from->flags & SIDE_MAY_READ)) return WAY_WAITS;
        r = fetch(w, buffers);
        if (r != WAY_DONE) return r;
    }
}

static void give_pipe(struct way *w)
{
    pipe_give(w->pipes, w->pipe);
    w->pipe = NULL;
}

/* Give back the buffer and the pipe if they are empty */
static void give_empty(struct way *w, struct slab *buffers)
{
    if (w->buffer && !buffer_len(w->buffer)) {
        slab_give(buffers, w->buffer);
        w->buffer = NULL;
    }
    if (w->pipe && !w->pipe->held) give_pipe(w);
}

enum way_result way_move(struct way *w, struct slab *buffers)
{
    const enum way_result r = way_step(w, buffers);
    give_empty(w, buffers);
    return r;
}

enum way_result way_write(struct way *w, struct slab *buffers)
{
    enum way_result r = w->buffer ? way_put(w) : WAY_DONE;
    if (r == WAY_DONE && w->pipe) r = push(w);
    give_empty(w, buffers);
    return r;
}

void way_fini(struct way *w, struct slab *buffers)
{
    if (w->buffer) slab_give(buffers, w->buffer);
    w->buffer = NULL;
    if (w->pipe) give_pipe(w);
}
