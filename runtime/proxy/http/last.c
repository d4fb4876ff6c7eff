/* Ends of an exchange: the proxy's own responses, the next request, other protocols, the connection's end */
#include <errno.h>

#include "runtime/proxy/connect.h"
#include "runtime/proxy/http/http.h"
#include "runtime/proxy/http/noted.h"
#include "runtime/proxy/http/page.h"

/* Reset the server's connection, on which a request or a response is incomplete */
static void drop_server(struct session *s)
{
    if (!s->server) return;
    s->server->flags |= SIDE_RESETS;
    session_leave_server(s);
}

/* True if the written bytes may be written again: a server ended a connection that it had kept, as it may at any
 * time */
static bool may_repeat(const struct session *s)
{
    const struct http *h = http_of(s);
    return h->reused && h->idempotent && !(s->down.buffer && buffer_len(s->down.buffer));
}

bool http_again(struct session *s)
{
    struct http *h = http_of(s);
    const bool begun = s->up.moved != h->from;
    if (h->again || h->answered || h->interims || (begun && !may_repeat(s))) return false;
    if (s->branch >= STREAM_MORE || proxy_is_past(s->proxy, s->service) || !message_back(&h->up)) return false;
    if (begun) count_up(&session_counts(s)->http[HTTP_COUNT_REPEATED], 1);
    drop_server(s);
    h->again = true;
    h->sent = h->broken = h->reused = false;
    h->state = HTTP_DIALS;
    connect_branch(s);
    return true;
}

void http_leave(struct session *s, enum session_end why)
{
    struct http *h = http_of(s);
    h->keeps = false;
    h->counted = true; /* nothing to count */
    h->why = (uint8_t)why;
    h->state = HTTP_LAST;
}

bool http_say(struct session *s, const void *text, size_t n)
{
    if (!s->down.buffer) s->down.buffer = buffer_take(&s->proxy->buffers);
    struct buffer *b = s->down.buffer;
    if (!b) {
        session_end(s, SESSION_FULL);
        return false;
    }
    b->from = b->to = BUFFER_FRONT;
    memcpy(buffer_at(b), text, n);
    b->to += (uint32_t)n;
    http_of(s)->down.ready = (uint32_t)n;
    http_of(s)->state = HTTP_LAST;
    return true;
}

void http_reply(struct session *s, unsigned status, enum session_end why)
{
    struct http *h = http_of(s);
    h->why = (uint8_t)why;
    if (h->answered) {
        session_end(s, why);
        return;
    }
    h->status = (uint16_t)status;
    http_count(s);
    drop_server(s);
    /* A part of an interim response may have been written, so nothing can follow it */
    if (h->down.ready && h->interims) {
        session_end(s, why);
        return;
    }
    /* Bytes of the request that were prepared for a server are dropped */
    if (s->up.buffer) s->up.buffer->from += h->up.ready;
    h->up.ready = 0;
    /* Another request can be found only behind a complete body. While a part is being moved, bytes of it may be read
     * but not sent, and would be taken for a request. */
    h->keeps = h->keeps && body_is_whole(&h->up.body) && !h->up.moves;
    char text[PAGE_TEXT_MAX];
    const size_t n = http_page(text, status, !h->keeps, h->was_head, time(NULL));
    if (!http_say(s, text, n)) return;
    h->answered = true;
    count_up(&session_counts(s)->http[HTTP_COUNT_PAGES], 1);
}

/* True if any client's request may use the server's connection: the exchange is complete in both directions, and
 * nothing is left over */
static bool server_is_clean(const struct session *s)
{
    const struct http *h = http_of(s);
    return h->server_keeps && h->sent && !h->broken && h->keep_ns && !(s->down.buffer && buffer_len(s->down.buffer)) &&
           !(s->server->flags & (SIDE_HUNG | SIDE_ENDED | SIDE_FAILED));
}

/* True if the rules let the server's connection be kept */
static bool may_keep(const struct session *s)
{
    const struct program *p = s->proxy->program;
    if (s->chosen != PBC_NONE && p->pools[p->servers[s->chosen].pool].keep_none) return false;
    return s->inlined ? !s->aged : !http_of(s)->mine && !session_server_is_private(s);
}

static void leave_server(struct session *s)
{
    struct http *h = http_of(s);
    struct kept *k = &http_loop_of(s)->kept;
    const struct kept_key key = {.service = s->service, .server = s->chosen, .session = s->inlined ? s->number : 0};
    struct kept_one *one = may_keep(s) && server_is_clean(s) ? kept_room(k) : NULL;
    if (!one) {
        session_leave_server(s);
        return;
    }
    kept_put(k, one, key, session_take_server(s, kept_task(one)), h->keep_ns);
    if (s->inlined) h->own = key;
}

void http_count(struct session *s)
{
    struct http *h = http_of(s);
    struct proxy_counters *c = session_counts(s);
    const unsigned class = h->status / 100;
    if (h->counted) return;
    h->counted = true;
    note_answer(s);
    if (h->answer_ns && h->begun_ns) {
        proxy_took(c, PROXY_TIME_ANSWER, h->answer_ns - h->begun_ns);
        proxy_took(c, PROXY_TIME_REQUEST, s->proxy->loop.now_ns - h->begun_ns);
    }
    if (class >= 2 && class <= 5)
        count_up(&c->http[HTTP_COUNT_CLASS_1 + class - 1], 1);
    else if (!class)
        count_up(&c->http[HTTP_COUNT_CUT], 1);
}

void http_over(struct session *s)
{
    struct http *h = http_of(s);
    http_count(s);
    if (s->server) leave_server(s);
    if (h->keeps) {
        http_renew(s);
    } else {
        if (h->state != HTTP_LAST) h->why = SESSION_DONE;
        h->state = HTTP_LAST;
        h->down.ready = 0;
    }
}

/* Read and discard the client's further bytes, so that a reset doesn't lose its response (RFC 9112, 9.6) */
static bool linger(struct session *s)
{
    struct http *h = http_of(s);
    struct way *up = &s->up;
    if (up->buffer) up->buffer->from = up->buffer->to = BUFFER_FRONT;
    for (;;) {
        switch (message_get(&h->up, &s->proxy->buffers)) {
        case WAY_DONE:
            h->dropped += buffer_len(up->buffer);
            up->buffer->from = up->buffer->to = BUFFER_FRONT;
            if (h->dropped < HTTP_DROPPED_MAX) continue;
            break;
        case WAY_WAITS: message_rest(&h->up, &s->proxy->buffers); return false;
        default: break;
        }
        session_end(s, h->why);
        return true;
    }
}

bool http_last(struct session *s)
{
    struct http *h = http_of(s);
    if (!h->shut) {
        switch (message_put(&h->down)) {
        case WAY_WAITS: session_wait(s, session_client_ns(s)); return false;
        case WAY_DONE: break;
        default: session_end(s, SESSION_CLIENT_RESET); return true;
        }
        message_rest(&h->down, &s->proxy->buffers);
        if (h->keeps) {
            http_over(s);
            return true;
        }
        const int err = side_shut(&s->client);
        if (err == -EAGAIN) return false;
        if (err) {
            session_end(s, h->why);
            return true;
        }
        h->shut = true;
        s->polite = true;
        http_count(s);
        session_wait(s, HTTP_LINGER_NS);
    }
    return linger(s);
}

bool http_tunnel(struct session *s)
{
    struct http *h = http_of(s);
    /* The response's head goes down first; bytes that the client sent ahead go up first */
    h->down.ready = h->up.ready = 0;
    s->up.left = s->down.left = WAY_ALL;
    s->up.keeps_open = s->down.keeps_open = false;
    session_wait(s, session_idle_ns(s));
    const enum way_result up = way_move(&s->up, &s->proxy->buffers);
    if (!session_heed(s, up, true)) return true;
    const enum way_result down = way_move(&s->down, &s->proxy->buffers);
    if (!session_heed(s, down, false)) return true;
    if (up == WAY_DONE && down == WAY_DONE) session_end(s, SESSION_DONE);
    return up == WAY_DONE && down == WAY_DONE;
}
