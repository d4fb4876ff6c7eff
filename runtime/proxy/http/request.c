/* HTTP_HEAD: a request's head is read, routed, and written as it goes to a server */
#include "runtime/proxy/connect.h"
#include "runtime/proxy/http/http.h"
#include "runtime/proxy/http/noted.h"
#include "runtime/proxy/http/rewrite.h"
#include "vm/judge/decide.h"
#include "vm/stream/first.h"

static void request_refuse(struct session *s, enum stream_reason why)
{
    struct http *h = http_of(s);
    const unsigned status = stream_reason_status(why);
    count_up(&session_counts(s)->http[HTTP_COUNT_BAD], 1);
    count_up(&session_counts(s)->refused[why], 1);
    h->reason = (uint8_t)why;
    h->keeps = false;
    if (why == STREAM_HTTP2) {
        /* make an HTTP/2 client use HTTP/1.1 */
        h->why = SESSION_REQUEST_BAD;
        http_say(s, http2_goaway, HTTP2_GOAWAY_LEN);
    } else if (status)
        http_reply(s, status, SESSION_REQUEST_BAD);
    else
        session_end(s, SESSION_REQUEST_BAD);
}

/* True for a body with a method for which a server may expect none. The server may take the body for the next
 * request, so the connection is not shared (RFC 9110, 9.3.1). */
static bool hides_a_body(const struct http_head *head, struct view method)
{
    static const char *const without[] = {"GET", "HEAD", "OPTIONS", "DELETE", "TRACE"};
    if (head->framing == HTTP_NO_BODY) return false;
    for (unsigned i = 0; i < sizeof without / sizeof *without; i++)
        if (view_is(method, without[i])) return true;
    return false;
}

/* True for a request that has the same effect if it is done twice (RFC 9110, 9.2.2) */
static bool is_idempotent(struct view method)
{
    static const char *const all[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
        if (view_is(method, all[i])) return true;
    return false;
}

/* Keep the facts of a request that are needed after its head is gone */
static void request_note(struct session *s, const struct http_head *head, const uint8_t *bytes)
{
    struct http *h = http_of(s);
    const struct view method = view_of(bytes, head->method);
    h->was_head = view_is(method, "HEAD");
    h->was_connect = view_is(method, "CONNECT");
    h->idempotent = is_idempotent(method);
    h->old = head->minor == 0;
    h->expects = head->minor && head->has & HTTP_HAS_CONTINUE;
    h->upgrades = request_upgrades(head);
    h->keeps = http_keeps(head) && !proxy_is_past(s->proxy, s->service) && !proxy_drains(s->proxy, s->service);
    h->mine = hides_a_body(head, method);
}

/* Write the address that the client connected to, as the host of a request without one */
static void address_came_to(const struct session *s, char text[TOLD_MAX])
{
    struct told t;
    struct stream_addr a = {.v6 = s->key.kind & KIND_IP6};
    memcpy(a.addr, s->key.dst, sizeof a.addr);
    told_make(&t, &a, 0, false);
    snprintf(text, TOLD_MAX, a.v6 ? "[%.*s]" : "%.*s", (int)t.client.len, t.text + t.client.at);
}

/* True if no pool that may get the request keeps connections; the server can then be notified (RFC 9112, 9.6). At
 * this point it is unknown which of several pools gets the request. */
static bool is_last(const struct session *s)
{
    const struct program *p = s->proxy->program;
    const struct pbc_branch *b = &p->branches[s->branch];
    bool last = branch_shares(b) > 0;
    for (uint32_t i = 0; i < branch_shares(b); i++) last &= p->pools[p->shares[b->shares + i].pool].keep_none;
    return last;
}

/* Return the status of a response without a server; 0: the request goes to a server */
static unsigned answered_here(const struct session *s, const struct http_head *head, const uint8_t *bytes)
{
    if (s->branch >= STREAM_MORE) return 503;
    if (request_forwards(head, bytes) != 0) return 0;
    return view_is(view_of(bytes, head->method), "TRACE") ? 501 : 200;
}

/* Route a request whose head is complete, write its head, and request a server */
static void request_begin(struct session *s, const struct first *f)
{
    struct http *h = http_of(s);
    struct http_loop *l = http_loop_of(s);
    struct buffer *b = s->up.buffer;
    const uint8_t *bytes = f->bytes + f->skip;
    char host[TOLD_MAX] = "";
    count_up(&session_counts(s)->http[HTTP_COUNT_REQUESTS], 1);
    request_note(s, &f->head, bytes);
    note_request(s, &f->head, bytes);
    s->affinity = chooser_affinity(s->proxy->chooser, s->service, f);
    s->branch = program_stream(s->proxy->program, &s->key, f);
    body_begin(&h->up.body, f->head.framing, f->head.length);
    const unsigned answer = answered_here(s, &f->head, bytes);
    if (answer) {
        b->from += f->skip + f->head.len;
        http_reply(s, answer, answer == 503 ? SESSION_NO_SERVER : SESSION_DONE);
        return;
    }
    if (!f->head.host.len) address_came_to(s, host);
    http_tell(s);
    request_rewrite(&l->text, &f->head, bytes, &h->told, host, name_trust(s), is_last(s));
    if (!message_lay(&h->up, b->from + f->skip + f->head.len, l->text.bytes, l->text.n)) {
        request_refuse(s, STREAM_HTTP_HEAD_TOO_LONG);
        return;
    }
    h->state = HTTP_DIALS;
    s->tries = 0;
    connect_branch(s);
}

/* Return the longest time for a request's head, and for silence before the first request, in nanoseconds */
static uint64_t http_first_ns(const struct session *s)
{
    const uint64_t own = proxy_says(s->proxy, s->service)->first_ns;
    return own ? own : s->proxy->program->settings->proxy_first_ns;
}

uint64_t http_silence_ns(const struct session *s)
{
    const uint64_t first = http_first_ns(s), idle = session_client_ns(s);
    return first < idle ? first : idle;
}

/* Set the timer. Between requests the connection may be idle; the time before the first request began with the session,
 * and only a request extends it. A request's first byte starts the time for its head. */
static void wait(struct session *s)
{
    struct http *h = http_of(s);
    if (s->up.buffer && buffer_len(s->up.buffer)) {
        if (!h->waits) session_wait(s, http_first_ns(s));
        h->waits = true;
    } else {
        message_rest(&h->up, &s->proxy->buffers);
        if (!h->opens) session_wait(s, session_client_ns(s));
    }
}

bool http_read_request(struct session *s)
{
    struct http *h = http_of(s);
    struct first *f = &s->proxy->first;
    for (;;) {
        if (s->up.buffer && buffer_len(s->up.buffer)) {
            /* Parts of a request that the reader of first bytes must find. */
            const struct first_asked a = {
                .wants = program_wants(s->proxy->program, s->service) | FIRST_HTTP,
                .end = s->client.flags & SIDE_ENDED ? FIRST_CLOSED
                       : h->late                    ? FIRST_LATE
                                                    : FIRST_OPEN,
                .limit = s->up.buffer->size - BUFFER_FRONT,
            };
            if (!h->begun_ns) h->begun_ns = s->proxy->loop.now_ns;
            switch (first_read(f, &h->at, buffer_at(s->up.buffer), buffer_len(s->up.buffer), &a)) {
            case READ_WHOLE:
                proxy_tells_tls(s);
                request_begin(s, f);
                return true;
            case READ_BAD: request_refuse(s, f->reason); return true;
            default: break;
            }
        }
        wait(s);
        switch (message_get(&h->up, &s->proxy->buffers)) {
        case WAY_DONE: continue;
        case WAY_CUT: /* the client has ended, within a head or before it */
            if (!s->up.buffer || !buffer_len(s->up.buffer))
                session_end(s, SESSION_DONE);
            else
                request_refuse(s, h->late ? STREAM_FIRST_LATE : STREAM_FIRST_CUT);
            return true;
        case WAY_BAD: request_refuse(s, STREAM_HTTP_HEAD_TOO_LONG); return true;
        case WAY_FROM: session_end(s, SESSION_CLIENT_RESET); return true;
        case WAY_NO_BUFFER: session_end(s, SESSION_FULL); return true;
        default: wait(s); return false;
        }
    }
}
