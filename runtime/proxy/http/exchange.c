/* HTTP_EXCHANGE: the request goes to the server and its response to the client, at the same time, because a server
 * may respond before it has the whole request */
#include <stdio.h>
#include <sys/socket.h>

#include "runtime/proxy/http/http.h"
#include "runtime/proxy/http/rewrite.h"

enum { AFFINITY_COOKIE_MAX = 512 };

/* Write the response's `Set-Cookie` line for `affinity cookie "N"`, by which a client returns to its server; empty
 * if the client has that cookie, or the service has no cookie. chooser_affinity reads the cookie. */
static void affinity_say(const struct session *s, char line[AFFINITY_COOKIE_MAX])
{
    const struct pbc_proxy *says = proxy_says(s->proxy, s->service);
    line[0] = 0;
    if (!(says->flags & PBC_PROXY_AFFINITY_COOKIE) || s->chosen == PBC_NONE) return;
    const uint64_t cookie = chooser_cookie(s->proxy->chooser, s->chosen);
    if (cookie == s->affinity) return;
    char age[40] = "";
    if (says->affinity_ns)
        snprintf(age, sizeof age, "; Max-Age=%llu", (unsigned long long)(says->affinity_ns / 1000000000));
    const int n = snprintf(line, AFFINITY_COOKIE_MAX, "Set-Cookie: %s=%016llx; Path=/; HttpOnly%s%s\r\n",
                           program_str(s->proxy->program, says->affinity_name), (unsigned long long)cookie,
                           http_is_https(s) ? "; Secure" : "", age);
    if (n >= AFFINITY_COOKIE_MAX) line[0] = 0;
}

/* Send more of the request. False if the exchange ended. */
static bool send_request(struct session *s)
{
    struct http *h = http_of(s);
    switch (message_move(&h->up, &s->proxy->buffers)) {
    case WAY_AGAIN: session_again(s); return true;
    case WAY_DONE: h->sent = true; return true;
    case WAY_TO: /* the server may have responded before it closed: read on */
        if (http_again(s)) return false;
        h->sent = h->broken = true;
        return true;
    case WAY_NO_BUFFER: session_end(s, SESSION_FULL); return false;
    case WAY_FROM: session_end(s, SESSION_CLIENT_RESET); return false;
    case WAY_CUT:
        h->reason = STREAM_FIRST_CUT;
        count_up(&session_counts(s)->refused[h->reason], 1);
        h->keeps = false;
        http_reply(s, 400, SESSION_CLIENT_GONE);
        return false;
    case WAY_BAD:
        h->reason = h->up.body.reason;
        count_up(&session_counts(s)->refused[h->reason], 1);
        h->keeps = false;
        count_up(&session_counts(s)->http[HTTP_COUNT_BAD], 1);
        http_reply(s, 400, SESSION_REQUEST_BAD);
        return false;
    default: return true;
    }
}

/* Send the client an error, because the server's bytes are not a valid response */
static void server_is_bad(struct session *s, unsigned status, enum session_end why)
{
    count_up(&session_counts(s)->http[HTTP_COUNT_SERVER_BAD], 1);
    http_reply(s, status, why);
}

/* True for a login that holds for a connection, not a request (Negotiate, NTLM): no other client may get that
 * connection */
static bool has_login(const struct http_head *a, const uint8_t *bytes)
{
    static const char *const names[] = {"www-authenticate", "proxy-authenticate"};
    for (unsigned i = 0; i < 2; i++) {
        unsigned next = 0;
        for (struct view v; http_field_next(a, bytes, names[i], &next, &v);)
            if (v.len >= 4 && ((v.at[0] | 0x20) == 'n') && ((v.at[1] | 0x20) == 't' || (v.at[1] | 0x20) == 'e'))
                return true;
    }
    return false;
}

/* Return the nanoseconds to keep the connection by `Keep-Alive: timeout=N`, less than the server keeps it */
static uint64_t keep_time(const struct http_head *a, const uint8_t *bytes)
{
    unsigned next = 0, seconds = 0;
    struct view v;
    if (!http_field_next(a, bytes, "keep-alive", &next, &v)) return HTTP_KEEP_NS;
    const uint8_t *at = memmem(v.at, v.len, "timeout=", 8);
    if (!at) return HTTP_KEEP_NS;
    for (at += 8; at < v.at + v.len && *at >= '0' && *at <= '9' && seconds < 100; at++)
        seconds = seconds * 10 + (unsigned)(*at - '0');
    if (seconds > 60) seconds = 60;
    return seconds > 1 ? (seconds - 1) * UINT64_C(1000000000) : 0;
}

/* Pass on an interim response (1xx), if the client knows these; another head follows */
static void pass_interim(struct session *s, const struct http_head *a)
{
    struct http *h = http_of(s);
    struct buffer *b = s->down.buffer;
    const uint32_t end = b->from + a->len;
    count_up(&session_counts(s)->http[HTTP_COUNT_CLASS_1], 1);
    if (h->old) {
        b->from = end;
    } else {
        response_rewrite(&http_loop_of(s)->text, a, buffer_at(b), AFTER_KEEP, false, "");
        message_lay(&h->down, end, http_loop_of(s)->text.bytes, http_loop_of(s)->text.n);
    }
    h->down.at = (struct http_at){0};
    h->interims++;
}

static enum after after_answer(const struct session *s, enum http_framing framing)
{
    struct http *h = http_of(s);
    if (framing == HTTP_TUNNEL) return h->status == 101 ? AFTER_SWITCH : AFTER_KEEP;
    if (framing == HTTP_CLOSE || h->down.unchunk || !h->sent || h->broken) h->keeps = false;
    if (proxy_drains(s->proxy, s->service)) h->keeps = false;
    if (!h->keeps) return AFTER_CLOSE;
    return h->old ? AFTER_KEEP_SAID : AFTER_KEEP;
}

/* Write the head of the final response for the client */
static void begin_answer(struct session *s, const struct http_head *a)
{
    struct http *h = http_of(s);
    struct buffer *b = s->down.buffer;
    const uint8_t *bytes = buffer_at(b);
    const enum http_framing framing = http_response_framing(a, h->was_head, h->was_connect);
    if (a->status < 200 && !(a->status == 101 && h->upgrades)) {
        server_is_bad(s, 502, SESSION_SERVER_BAD);
        return;
    }
    h->status = a->status;
    h->answer_ns = s->proxy->loop.now_ns;
    h->answered = true;
    h->server_keeps = http_keeps(a) && framing != HTTP_CLOSE && framing != HTTP_TUNNEL && !h->broken;
    h->mine |= has_login(a, bytes);
    h->keep_ns = keep_time(a, bytes);
    h->down.unchunk = h->old && framing == HTTP_CHUNKED;
    char cookie[AFFINITY_COOKIE_MAX];
    affinity_say(s, cookie);
    response_rewrite(&http_loop_of(s)->text, a, bytes, after_answer(s, framing), h->old, cookie);
    if (!message_lay(&h->down, b->from + a->len, http_loop_of(s)->text.bytes, http_loop_of(s)->text.n)) {
        h->answered = false;
        server_is_bad(s, 502, SESSION_SERVER_BAD);
        return;
    }
    body_begin(&h->down.body, framing, a->length);
    if (framing != HTTP_TUNNEL) return;
    count_up(&session_counts(s)->http[HTTP_COUNT_TUNNELS], 1);
    h->state = HTTP_TUNNELS;
}

/* Read heads up to the final response's. False if it waits, or the exchange has ended. */
static bool read_answer(struct session *s)
{
    struct http *h = http_of(s);
    struct http_head *a = &http_loop_of(s)->answer;
    while (!h->answered) {
        switch (message_put(&h->down)) {
        case WAY_WAITS: return false;
        case WAY_TO: session_end(s, SESSION_CLIENT_RESET); return false;
        default: break;
        }
        const struct buffer *b = s->down.buffer;
        const enum stream_read said = b && buffer_len(b) ? http_response_read(a, &h->down.at, buffer_at(s->down.buffer),
                                                                              buffer_len(b), b->size - BUFFER_FRONT)
                                                         : READ_MORE;
        if (said == READ_WHOLE) {
            if (a->status < 200 && a->status != 101 && h->interims < HTTP_INTERIMS_MAX)
                pass_interim(s, a);
            else
                begin_answer(s, a);
            if (h->state != HTTP_EXCHANGE) return false;
            continue;
        }
        if (said != READ_MORE) {
            server_is_bad(s, 502, SESSION_SERVER_BAD);
            return false;
        }
        switch (message_get(&h->down, &s->proxy->buffers)) {
        case WAY_DONE: continue;
        case WAY_WAITS: message_rest(&h->down, &s->proxy->buffers); return false;
        case WAY_NO_BUFFER: session_end(s, SESSION_FULL); return false;
        case WAY_FROM:
            if (!http_again(s)) server_is_bad(s, 502, SESSION_SERVER_RESET);
            return false;
        default:
            if (!http_again(s)) server_is_bad(s, 502, SESSION_SERVER_BAD);
            return false;
        }
    }
    return true;
}

/* Send more of the response's body. False if it waits, or the session has ended. */
static bool send_answer(struct session *s)
{
    struct http *h = http_of(s);
    switch (message_move(&h->down, &s->proxy->buffers)) {
    case WAY_DONE: http_over(s); return true;
    case WAY_AGAIN: session_again(s); return false;
    case WAY_WAITS: return false;
    case WAY_NO_BUFFER: session_end(s, SESSION_FULL); return false;
    case WAY_TO: session_end(s, SESSION_CLIENT_RESET); return false;
    case WAY_FROM: server_is_bad(s, 502, SESSION_SERVER_RESET); return false;
    default: server_is_bad(s, 502, SESSION_SERVER_BAD); return false;
    }
}

/* True if the client has reset its connection. An end without a reset may be a half close; a reset shows as an
 * error. */
static bool client_is_gone(const struct session *s)
{
    int err = 0;
    socklen_t len = sizeof err;
    return (s->client.flags & SIDE_HUNG) && !getsockopt(s->client.fd, SOL_SOCKET, SO_ERROR, &err, &len) && err;
}

bool http_awaits_client(const struct session *s)
{
    const struct http *h = http_of(s);
    const bool holds = s->down.buffer && buffer_len(s->down.buffer);
    if (h->answered || h->down.ready) return holds || !h->sent;
    return !h->sent && !h->up.ready && !(h->expects && !h->interims);
}

/* Do the steps that are possible now. False if it waits. */
static bool exchange_go_on(struct session *s)
{
    struct http *h = http_of(s);
    if (!h->sent && !send_request(s)) return true;
    if (client_is_gone(s)) {
        session_end(s, SESSION_CLIENT_RESET);
        return true;
    }
    if (!h->answered && !read_answer(s)) return h->state != HTTP_EXCHANGE;
    return h->state != HTTP_EXCHANGE || send_answer(s);
}

bool http_exchange(struct session *s)
{
    if (exchange_go_on(s)) return true;
    session_wait(s, http_awaits_client(s) ? session_client_ns(s) : session_server_ns(s));
    return false;
}
