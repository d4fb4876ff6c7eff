/* Drains both directions, then asks the worker; a refusal that may be temporary is followed by another request later */
#include "runtime/proxy/inline/leave_sockets.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/exchange/begun/leaving.h"
#include "runtime/proxy/inline/inline.h"

#define DRAIN_NS UINT64_C(200000000)  /* longest time to write the bytes that were read */
#define READ_NS  UINT64_C(1000000000) /* longest time of trying while more bytes keep arriving */
#define REST_NS  UINT64_C(1000000000) /* first pause; each is twice as long as the one before */
enum { TRIES = 8 };

static uint64_t now_ns(const struct session *s) { return s->proxy->loop.now_ns; }

/* True if the service lets its connections leave, or the branch has `pass`. */
static bool is_to_leave(const struct session *s)
{
    const struct proxy *p = s->proxy;
    if (!p->leaving || !s->inlined || s->inlined->number >= p->leaving->most || s->middle) return false;
    if (s->client.ops != &side_plain || s->server->ops != &side_plain) return false;
    if (proxy_says(p, s->service)->flags & PBC_PROXY_SPLICE) return true;
    return s->branch != PBC_NONE && branch_goes(&p->program->branches[s->branch]) == PBC_GOES_PASS;
}

static void leave_due(struct timer *t)
{
    const struct leave *l = (struct leave *)((char *)t - offsetof(struct leave, timer));
    session_again(l->session);
}

static void wait_until(struct session *s, uint64_t at_ns)
{
    struct leave *l = s->inlined->leave;
    l->until_ns = at_ns;
    timer_set(&s->proxy->loop.wheel, &l->timer, at_ns);
}

static void drain(struct session *s)
{
    s->inlined->leave->state = LEAVE_DRAINS;
    wait_until(s, now_ns(s) + DRAIN_NS);
}

void leave_begin(struct session *s)
{
    struct proxy *p = s->proxy;
    if (!is_to_leave(s)) return;
    struct leave *l = slab_take(&p->leaves);
    if (!l) {
        count_up(&session_counts(s)->stays[SPLICE_WHY_ROOM], 1);
        return;
    }
    *l = (struct leave){.timer.due = leave_due, .session = s, .since_ns = p->loop.now_ns};
    s->inlined->leave = l;
    struct session **at = &p->leavers[s->inlined->number];
    if (*at) after_over(*at, SPLICE_WHY_GONE); /* its number now belongs to this session */
    *at = s;
    drain(s);
}

/* True if another try could have another result. */
static bool may_change(enum splice_why why)
{
    return why == SPLICE_WHY_MOVED || why == SPLICE_WHY_LATE || why == SPLICE_WHY_HELD || why == SPLICE_WHY_WINDOW ||
           why == SPLICE_WHY_ROOM || why == SPLICE_WHY_ENDS; /* one half may have been passed on by then */
}

/* Keep the connection in its sockets, for a while or for good. */
static void stay(struct session *s, enum splice_why why)
{
    struct leave *l = s->inlined->leave;
    count_up(&session_counts(s)->stays[why], 1);
    l->state = LEAVE_RESTS;
    l->tries++;
    wait_until(s, may_change(why) && l->tries < TRIES ? now_ns(s) + (REST_NS << (l->tries - 1)) : UINT64_MAX);
}

static void leave_say(struct session *s)
{
    struct leave *l = s->inlined->leave;
    const struct inline_ask ask = {
        .kind = INLINE_LEAVE,
        .port = s->inlined->use,
        .number = s->inlined->number,
        .of.moved = {.read = {s->client.read, s->server->read}, .wrote = {s->client.wrote, s->server->wrote}}};
    memcpy(l->read, ask.of.moved.read, sizeof l->read);
    l->unsaid = !inline_session_ask(s, &ask);
}

/* True if one half has ended: its end was read and passed on, and the other side goes on. */
static bool is_half(const struct side *from, const struct side *to)
{
    const unsigned ends = SIDE_HUNG | SIDE_ENDED | SIDE_FAILED | SIDE_FIN;
    return from->flags & SIDE_ENDED && to->flags & SIDE_SHUT && !(from->flags & (SIDE_SHUT | SIDE_FAILED)) &&
           !(to->flags & ends);
}

/* Ask the worker; or stay if one side has begun to end the connection, or sends urgent bytes. */
static void leave_ask(struct session *s)
{
    struct leave *l = s->inlined->leave;
    const unsigned over = SIDE_HUNG | SIDE_ENDED | SIDE_SHUT | SIDE_FAILED | SIDE_FIN;
    const bool half = is_half(&s->client, s->server) || is_half(s->server, &s->client);
    if (!half && (s->client.flags | s->server->flags) & over) {
        stay(s, SPLICE_WHY_ENDS);
        return;
    }
    l->state = LEAVE_ASKED;
    timer_stop(&s->proxy->loop.wheel, &l->timer);
    leave_say(s);
}

/* Write the bytes read in one direction. False if the session has ended. */
static bool write_way(struct session *s, struct way *w, bool up)
{
    const uint64_t before = w->moved;
    const enum way_result r = way_write(w, &s->proxy->buffers);
    struct proxy_counters *c = session_counts(s);
    count_up(up ? &c->up_bytes : &c->down_bytes, w->moved - before);
    return session_heed(s, r, up);
}

static bool ways_are_empty(const struct session *s)
{
    return !s->up.buffer && !s->up.pipe && !s->down.buffer && !s->down.pipe;
}

/* Write the bytes that were read, and then ask. False if that takes too long; the session then goes on as before. */
static bool drains(struct session *s)
{
    struct leave *l = s->inlined->leave;
    if (!write_way(s, &s->up, true) || !write_way(s, &s->down, false)) return true;
    if (ways_are_empty(s)) {
        l->until_ns = 0;
        leave_ask(s);
    } else if (now_ns(s) >= l->until_ns) {
        stay(s, SPLICE_WHY_MOVED);
    }
    return l->state != LEAVE_RESTS;
}

/* Act on the worker's reply. */
static void heed(struct session *s)
{
    struct leave *l = s->inlined->leave;
    const enum inline_told_kind kind = (enum inline_told_kind)(l->answer - 1);
    l->answer = 0;
    if (kind == INLINE_LEFT) {
        after_begin(s);
    } else if (kind == INLINE_READ_ON) {
        l->state = LEAVE_READS;
        wait_until(s, l->until_ns ? l->until_ns : now_ns(s) + READ_NS);
    } else {
        stay(s, (enum splice_why)l->why);
    }
}

bool leave_goes_on(struct session *s)
{
    struct leave *l = s->inlined ? s->inlined->leave : NULL;
    if (!l) return false;
    if (l->state == LEAVE_ASKED && l->answer) heed(s);
    if (l->state == LEAVE_RESTS && now_ns(s) >= l->until_ns) drain(s);
    switch ((enum leave_state)l->state) {
    case LEAVE_DRAINS: return !s->unheard && drains(s);
    case LEAVE_ASKED:
        if (l->unsaid) leave_say(s);
        return true;
    case LEAVE_SPLICED: return true;
    default: return false;
    }
}

void leave_moved(struct session *s)
{
    struct leave *l = s->inlined ? s->inlined->leave : NULL;
    if (!l || l->state != LEAVE_READS || s->ended != SESSION_ENDS) return;
    /* The worker has seen more bytes than were read; these are on their way to the socket */
    const bool more = s->client.read != l->read[AT_CLIENT] || s->server->read != l->read[AT_SERVER];
    if (now_ns(s) >= l->until_ns)
        stay(s, SPLICE_WHY_MOVED);
    else if (more && ways_are_empty(s))
        leave_ask(s);
}

bool leave_ends(struct session *s)
{
    struct leave *l = s->inlined ? s->inlined->leave : NULL;
    const bool may_be_out = l && ((l->state == LEAVE_ASKED && !l->unsaid) || l->state == LEAVE_SPLICED);
    if (!may_be_out || l->over) return true;
    const struct inline_ask end = {.kind = INLINE_END, .port = s->inlined->use, .number = s->inlined->number};
    return l->over = inline_session_ask(s, &end);
}

void leave_fini(struct session *s)
{
    struct proxy *p = s->proxy;
    struct leave *l = s->inlined ? s->inlined->leave : NULL;
    if (!l) return;
    if (l->state == LEAVE_SPLICED) count_up(&session_counts(s)->spliced_ended, 1);
    if (p->leavers[s->inlined->number] == s) p->leavers[s->inlined->number] = NULL;
    timer_stop(&p->loop.wheel, &l->timer);
    slab_give(&p->leaves, l);
    s->inlined->leave = NULL;
}

/* Pass a reply to its session. */
static void hear_one(const struct proxy *p, const struct inline_told *told)
{
    struct session *s = told->number < p->leaving->most ? p->leavers[told->number] : NULL;
    if (!s || s->inlined->use != told->port) return; /* the session has ended */
    struct leave *l = s->inlined->leave;
    const bool has_left = l->state == LEAVE_SPLICED || l->answer == 1 + INLINE_LEFT;
    if (has_left && told->kind == INLINE_OVER) {
        after_over(s, (enum splice_why)told->why);
    } else if (has_left && told->kind == INLINE_HALF) {
        after_half(s);
    } else if (l->state == LEAVE_ASKED && !l->answer) {
        l->answer = (uint8_t)(1 + told->kind);
        l->why = told->why;
        session_again(s);
    }
}

void leave_hear(struct proxy *p)
{
    struct inline_told told;
    while (p->leaving && leaving_hear(p->leaving, &told)) hear_one(p, &told);
}

static void leave_told(struct watcher *w, uint32_t events)
{
    struct proxy *p = (struct proxy *)((char *)w - offsetof(struct proxy, told));
    uint64_t calls;
    (void)events;
    (void)!read(p->leaving->told_fd, &calls, sizeof calls);
    leave_hear(p);
    inline_session_room(p);
}

void leave_open(struct proxy *p, struct leaving *leaving)
{
    if (p->leaving || !leaving) return;
    p->leavers = calloc(leaving->most, sizeof(struct session *));
    p->told.ready = leave_told;
    if (!p->leavers || loop_watch_level(&p->loop, leaving->told_fd, &p->told)) {
        free(p->leavers);
        p->leavers = NULL;
        return;
    }
    p->leaving = leaving;
}

void leave_close(struct proxy *p)
{
    if (p->leaving) loop_unwatch(&p->loop, p->leaving->told_fd);
    free(p->leavers);
}
