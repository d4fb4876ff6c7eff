/* Steps of one turn: write ready bytes, read as room allows, parse, let the relay move long parts */
#include "runtime/proxy/http/message.h"

#include <errno.h>

void message_rest(struct message *m, struct slab *buffers)
{
    if (m->way->buffer && !buffer_len(m->way->buffer)) way_fini(m->way, buffers);
}

enum way_result message_put(struct message *m)
{
    struct buffer *b = m->way->buffer;
    while (m->ready) {
        const ssize_t n = side_write(m->way->to, buffer_at(b), m->ready);
        if (n == -EAGAIN) return WAY_WAITS;
        if (n < 0) return WAY_TO;
        b->from += (uint32_t)n;
        m->ready -= (uint32_t)n;
        m->way->moved += (uint64_t)n;
    }
    return WAY_DONE;
}

enum way_result message_get(struct message *m, struct slab *buffers)
{
    struct way *w = m->way;
    if (!(w->from->flags & (SIDE_MAY_READ | SIDE_ENDED))) return WAY_WAITS;
    if (!w->buffer) w->buffer = buffer_take(buffers);
    if (!w->buffer) return WAY_NO_BUFFER;
    m->more = true;
    if (w->buffer->from > BUFFER_FRONT) {
        const uint32_t n = buffer_len(w->buffer);
        if (!n || buffer_room(w->buffer) < w->buffer->size / 4) {
            /* Unwritten bytes are moved to the buffer's start only if little room is left, so this is rare. */
            memmove(w->buffer->bytes + BUFFER_FRONT, buffer_at(w->buffer), n);
            w->buffer->from = BUFFER_FRONT;
            w->buffer->to = BUFFER_FRONT + n;
        }
    }
    if (!buffer_room(w->buffer)) return WAY_BAD;
    const ssize_t n = side_read(w->from, w->buffer->bytes + w->buffer->to, buffer_room(w->buffer));
    if (n == -EAGAIN) return WAY_WAITS;
    if (n < 0) return WAY_FROM;
    w->buffer->to += (uint32_t)n;
    return n ? WAY_DONE : WAY_CUT;
}

bool message_lay(struct message *m, uint32_t body, const uint8_t *head, uint32_t n)
{
    struct buffer *b = m->way->buffer;
    if (body < n) {
        /* The new head does not fit in the front: move the body */
        const uint32_t on = n - body;
        if (buffer_room(b) < on) return false;
        memmove(b->bytes + n, b->bytes + body, b->to - body);
        b->to += on;
        body = n;
    }
    b->from = body - n;
    memcpy(buffer_at(b), head, n);
    m->ready = n;
    m->laid = b->from;
    m->more = false;
    return true;
}

bool message_back(struct message *m)
{
    struct buffer *b = m->way->buffer;
    if (!b || m->more) return false;
    m->ready += b->from - m->laid;
    b->from = m->laid;
    return true;
}

/* Remove chunk framing: append the data of each run to the ready bytes */
static void unchunk(struct message *m, uint8_t *at, uint32_t n)
{
    struct buffer *b = m->way->buffer;
    enum stream_read said = READ_MORE;
    uint32_t used = 0, kept = 0;
    while (said == READ_MORE && used < n) {
        struct body_run run;
        said = body_read(&m->body, at + used, n - used, &run);
        if (run.data) {
            memmove(at + kept, at + used, run.len);
            kept += run.len;
        }
        used += run.len;
    }
    memmove(at + kept, at + used, n - used);
    b->to -= used - kept;
    m->ready += kept;
}

/* Parse the bytes behind the ready ones */
static void message_look(struct message *m)
{
    struct buffer *b = m->way->buffer;
    uint8_t *at = buffer_at(b) + m->ready;
    const uint32_t n = buffer_len(b) - m->ready;
    if (m->unchunk) {
        unchunk(m, at, n);
        return;
    }
    uint32_t used;
    body_read_all(&m->body, at, n, &used);
    m->ready += used;
}

/* Let the relay move a part that is longer than a buffer */
static bool begins_to_move(struct message *m)
{
    struct way *w = m->way;
    const uint64_t ahead = body_ahead(&m->body);
    if (ahead < (w->buffer ? w->buffer->size : 1u << 14) || (w->buffer && buffer_len(w->buffer))) return false;
    m->moves = m->more = true;
    w->left = ahead;
    w->keeps_open = true;
    return true;
}

enum way_result message_move(struct message *m, struct slab *buffers)
{
    struct way *w = m->way;
    for (;;) {
        if (m->moves) {
            const uint64_t before = w->left;
            const enum way_result r = way_move(w, buffers);
            body_moved(&m->body, before == WAY_ALL ? 0 : before - w->left);
            if (r == WAY_DONE) m->moves = false;
            if (r != WAY_DONE || w->left == WAY_ALL) return r;
            continue;
        }
        if (w->buffer && buffer_len(w->buffer) > m->ready && !body_is_whole(&m->body) && !m->body.reason)
            message_look(m);
        enum way_result r = message_put(m);
        if (r != WAY_DONE) return r;
        if (m->body.reason) return WAY_BAD;
        if (body_is_whole(&m->body)) return WAY_DONE;
        if (begins_to_move(m)) continue;
        r = message_get(m, buffers);
        /* A body that ends with the connection is done; any other is cut. */
        if (r == WAY_CUT) return body_ahead(&m->body) == UINT64_MAX ? WAY_DONE : WAY_CUT;
        if (r != WAY_DONE) return r;
    }
}
