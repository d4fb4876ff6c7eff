/* Sessions whose connection has left its sockets: they hold no sockets, and know the connection by the worker's
 * reports and counts. */
#include "runtime/exchange/begun/leaving.h"
#include "runtime/proxy/inline/leave_sockets.h"

/* Return the longest allowed silence, as for a proxied session; once one end has finished, that of `proxy
 * half_close`. */
static uint64_t patience(const struct session *s)
{
    return s->inlined->leave->half ? s->proxy->program->settings->proxy_half_close_ns : session_idle_ns(s);
}

void after_begin(struct session *s)
{
    struct proxy *p = s->proxy;
    struct leave *l = s->inlined->leave;
    l->state = LEAVE_SPLICED;
    l->half |= ((s->client.flags | s->server->flags) & SIDE_ENDED) != 0;
    l->since_ns = p->loop.now_ns;
    timer_stop(&p->loop.wheel, &l->timer);
    /* The ends get no resets: the worker keeps packets of these sockets from them */
    s->client.flags |= SIDE_RESETS;
    s->server->flags |= SIDE_RESETS;
    side_close(&s->client);
    side_close(s->server);
    slab_give(&p->sides, s->server);
    s->server = NULL; /* its place at the server stays */
    s->up.from = s->up.to = s->down.from = s->down.to = NULL;
    count_up(&session_counts(s)->spliced, 1);
    session_wait(s, patience(s));
}

void after_half(struct session *s)
{
    struct leave *l = s->inlined->leave;
    l->half = true;
    if (l->state == LEAVE_SPLICED) session_wait(s, patience(s));
}

void after_late(struct session *s)
{
    const uint64_t over_ns = time_after(spliced_seen(s).seen_ns, patience(s)), now = s->proxy->loop.now_ns;
    if (now >= over_ns)
        session_end(s, s->inlined->leave->half ? SESSION_HALF_CLOSE : SESSION_IDLE);
    else
        session_wait(s, over_ns - now);
}

/* Return the end of a session whose connection has ended in the worker. A number is reused only after a silence. */
static enum session_end why_ended(enum splice_why why)
{
    switch (why) {
    case SPLICE_WHY_DONE: return SESSION_DONE;
    case SPLICE_WHY_CLIENT_RESET: return SESSION_CLIENT_RESET;
    case SPLICE_WHY_SERVER_RESET: return SESSION_SERVER_RESET;
    default: return SESSION_IDLE;
    }
}

void after_over(struct session *s, enum splice_why why)
{
    s->inlined->leave->over = true;
    session_end(s, why_ended(why));
}

size_t leave_bytes(void) { return (sizeof(struct leave) + 63) / 64 * 64 + leaving_bytes() + sizeof(struct session *); }
