/* A session of `mode proxy http`: its steps */
#include <stdlib.h>

#include "runtime/proxy/http/http.h"
#include "runtime/proxy/http/noted.h"

void http_renew(struct session *s)
{
    struct http *h = http_of(s);
    const struct told told = h->told;
    const struct kept_key own = h->own;
    *h = (struct http){.up.way = &s->up, .down.way = &s->down, .told = told, .from = s->up.moved, .own = own};
    message_rest(&h->up, &s->proxy->buffers);
    way_fini(&s->down, &s->proxy->buffers); /* bytes that a server sent beyond its response are dropped */
    s->up.left = s->down.left = 0;
}

bool http_is_https(const struct session *s) { return s->client.ops != &side_plain || name_fronted(s); }

static void session_say(struct session *s)
{
    const struct stream_addr client = session_client(s);
    told_make(&http_of(s)->told, &client, s->named_port ? s->named_port : s->key.dst_port, http_is_https(s));
}

void http_tell(struct session *s)
{
    if (http_of(s)->told.tls != http_is_https(s)) session_say(s);
}

static void session_begin(struct session *s)
{
    struct http *h = slab_take(&http_loop_of(s)->requests);
    if (!h) {
        session_end(s, SESSION_FULL);
        return;
    }
    s->own = h;
    session_say(s);
    s->up.from = s->down.to = &s->client;
    http_renew(s);
    http_of(s)->opens = true;
    session_wait(s, http_silence_ns(s));
}

static bool (*const steps[HTTP_STATES])(struct session *s) = {
    [HTTP_HEAD] = http_read_request,
    [HTTP_EXCHANGE] = http_exchange,
    [HTTP_TUNNELS] = http_tunnel,
    [HTTP_LAST] = http_last,
};

static void steps_go_on(struct session *s)
{
    for (unsigned i = 0; i < HTTP_STEPS_MAX; i++) {
        bool (*const one)(struct session *) = steps[http_of(s)->state];
        if (!one || !one(s) || s->ended != SESSION_ENDS) return;
    }
    session_again(s);
}

static void http_step(struct session *s)
{
    struct proxy_counters *c = session_counts(s);
    const uint64_t up = s->up.moved, down = s->down.moved;
    steps_go_on(s);
    count_up(&c->up_bytes, s->up.moved - up);
    count_up(&c->down_bytes, s->down.moved - down);
}

static unsigned status_of(enum session_end failed)
{
    switch (failed) {
    case SESSION_SERVER_LATE: return 504;
    case SESSION_SERVER_TLS: return 502;
    default: return 503;
    }
}

static void connected(struct session *s, enum session_end failed)
{
    if (s->server)
        http_of(s)->state = HTTP_EXCHANGE;
    else if (failed == SESSION_REJECTED)
        session_end(s, failed);
    else
        http_reply(s, status_of(failed), failed);
}

/* Close the connection that was kept for an inline connection, if any. */
static void close_own(struct session *s)
{
    struct http *h = http_of(s);
    struct side *side = h->own.session ? kept_take(&http_loop_of(s)->kept, h->own, &s->task) : NULL;
    h->own.session = 0;
    if (!side) return;
    side_close(side);
    slab_give(&s->proxy->sides, side);
}

/* Return the kept connection of an inline connection if it leads to the chosen server. One to another server is
 * closed, because only one is kept at a time. */
static struct side *take_own(struct session *s)
{
    struct http *h = http_of(s);
    if (h->own.server != s->chosen) close_own(s);
    struct side *side = h->own.session ? kept_take(&http_loop_of(s)->kept, h->own, &s->task) : NULL;
    h->own.session = 0;
    return side;
}

static struct side *shared(struct session *s)
{
    if (session_server_is_private(s)) return NULL;
    return kept_take(&http_loop_of(s)->kept, (struct kept_key){.service = s->service, .server = s->chosen}, &s->task);
}

/* Return a kept connection for a request; a request that a kept connection has failed gets a new one */
static struct side *kept_for(struct session *s)
{
    struct http_loop *l = http_loop_of(s);
    if (l->program != s->proxy->program->serial) kept_flush(&l->kept);
    l->program = s->proxy->program->serial;
    struct side *side = http_of(s)->again ? NULL : s->inlined ? take_own(s) : shared(s);
    http_of(s)->reused = side != NULL;
    if (side) count_up(&session_counts(s)->http[HTTP_COUNT_REUSED], 1);
    return side;
}

/* True if no request has begun */
static bool is_between(const struct session *s)
{
    return http_of(s)->state == HTTP_HEAD && !(s->up.buffer && buffer_len(s->up.buffer));
}

static void late(struct session *s)
{
    struct http *h = http_of(s);
    switch (h->state) {
    case HTTP_HEAD:
        if (is_between(s)) {
            /* The time for the next request has expired: end, unless a request has just arrived. */
            if (message_get(&h->up, &s->proxy->buffers) == WAY_WAITS)
                http_leave(s, h->opens ? SESSION_FIRST_LATE : SESSION_IDLE);
        } else
            h->late = true;
        break;
    case HTTP_EXCHANGE: http_reply(s, http_awaits_client(s) ? 408 : 504, SESSION_IDLE); break;
    case HTTP_LAST: session_end(s, h->why); break;
    default: session_end(s, SESSION_IDLE); break;
    }
}

/* Handle a server that is down, or whose drain time has expired */
static void lost(struct session *s, enum session_end why)
{
    if (http_of(s)->state == HTTP_EXCHANGE)
        http_reply(s, 502, why);
    else
        session_end(s, why);
}

static void fini(struct session *s)
{
    struct http *h = s->own;
    if (!h) return;
    /* A client that waits for no response gets an orderly end */
    if (is_between(s) && s->ended == SESSION_STOPPED) s->polite = side_shut(&s->client) == 0;
    if (h->state != HTTP_HEAD) http_count(s);
    close_own(s);
    slab_give(&http_loop_of(s)->requests, h);
}

static void *start(struct proxy *p)
{
    struct http_loop *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    l->program = p->program->serial;
    kept_init(&l->kept, &p->loop, &p->sides, HTTP_KEPT_MAX);
    slab_init(&l->requests, sizeof(struct http), p->cfg.sessions_most);
    slab_init(&l->noted, sizeof(struct noted), p->cfg.sessions_most);
    return l;
}

static void stop(void *of_kind)
{
    struct http_loop *l = of_kind;
    kept_fini(&l->kept);
    slab_fini(&l->requests);
    slab_fini(&l->noted);
    free(l);
}

const struct session_ops session_http = {session_begin, http_step, connected,          late, lost, NULL, fini, kept_for,
                                         start,         stop,      sizeof(struct http)};
