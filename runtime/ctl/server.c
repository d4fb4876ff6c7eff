/* The peer's uid (SO_PEERCRED) or groups (guest.c) admit a client; each step ends calls that have expired */
#include "runtime/ctl/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/ctl/client_priv.h"

enum { ACCEPTS_MOST = 2 * CTL_CLIENTS /* most accepts per step */, EVENTS_MOST = CTL_CLIENTS + 1 };

static int listening(struct ctl *s, bool on)
{
    struct epoll_event e = {.events = on ? EPOLLIN : 0};
    return epoll_ctl(s->epoll, EPOLL_CTL_MOD, s->cfg.fd, &e);
}

struct ctl *ctl_new(const struct ctl_cfg *cfg)
{
    struct ctl *s = calloc(1, sizeof *s);
    if (!s) {
        close(cfg->fd);
        return NULL;
    }
    *s = (struct ctl){.cfg = *cfg, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    struct epoll_event e = {.events = EPOLLIN};
    if (s->epoll >= 0 && !epoll_ctl(s->epoll, EPOLL_CTL_ADD, cfg->fd, &e)) return s;
    ctl_free(s);
    return NULL;
}

static void client_let_go(struct ctl *s, struct call *c)
{
    for (unsigned i = 0; i < s->count; i++) {
        if (s->clients[i] != c) continue;
        s->clients[i] = s->clients[--s->count];
        break;
    }
    client_free(c);
}

void ctl_free(struct ctl *s)
{
    if (!s) return;
    while (s->count) client_let_go(s, s->clients[0]);
    if (s->epoll >= 0) close(s->epoll);
    close(s->cfg.fd);
    free(s);
}

int ctl_fd(const struct ctl *s) { return s->epoll; }

static bool user_may_all(const struct ctl *s, uid_t uid) { return uid == 0 || uid == s->cfg.owner; }

/* Return why a user may not ask, or NULL if the user may. groups: those of a guest. */
static const char *user_refusal(const struct ctl *s, uid_t uid, uint32_t groups, char *line, size_t len)
{
    if (groups && guest_crowd(s, uid)) return guest_crowd(s, uid);
    if (!groups && !user_may_all(s, uid))
        snprintf(line, len, "user %u may not ask: only root and user %u, who started preyrun, may", (unsigned)uid,
                 (unsigned)s->cfg.owner);
    else if (s->count == CTL_CLIENTS)
        snprintf(line, len,
                 "the control socket has %d connections, which is the limit: run the command again when one has ended",
                 CTL_CLIENTS);
    else
        return NULL;
    return line;
}

static void welcome(struct ctl *s, int fd)
{
    struct ucred who;
    socklen_t len = sizeof who;
    char why[200];
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len)) {
        close(fd);
        return;
    }
    const uint32_t groups = user_may_all(s, who.uid) ? 0 : guest_groups(s, fd, &who);
    const char *refused = user_refusal(s, who.uid, groups, why, sizeof why);
    struct call *c = refused ? NULL : client_new(s, fd, &who, groups);
    if (!c) {
        /* The line always fits in a new socket's buffer, so nothing waits. */
        struct outbox out = {0};
        char body[300];
        const int said = snprintf(body, sizeof body, "2%s", refused ? refused : "out of memory");
        if (outbox_put(&out, MESSAGE_END, body, (size_t)said, MESSAGE_ANSWER_MOST)) outbox_send(&out, fd);
        outbox_fini(&out);
        close(fd);
        return;
    }
    s->clients[s->count++] = c;
    client_watch(c);
}

/* Accept connections. When descriptors run out, listening stops until the next step, so that the loop does not spin. */
static void accept_all(struct ctl *s)
{
    for (unsigned i = 0; i < ACCEPTS_MOST; i++) {
        const int fd = accept4(s->cfg.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            welcome(s, fd);
        } else if (errno != ECONNABORTED && errno != EINTR) {
            s->paused = errno != EAGAIN;
            if (s->paused) listening(s, false);
            return;
        }
    }
}

void ctl_step(struct ctl *s, uint64_t now_ns)
{
    struct epoll_event events[EVENTS_MOST];
    const bool paused = s->paused;
    s->now_ns = now_ns;
    guests_step(s);
    const int n = epoll_wait(s->epoll, events, EVENTS_MOST, 0);
    for (int i = 0; i < n; i++) {
        struct call *c = events[i].data.ptr;
        const bool gone = events[i].events & (EPOLLHUP | EPOLLERR) && !(events[i].events & EPOLLIN);
        if (c && !gone && events[i].events & EPOLLRDHUP) client_closes(c);
        if (c && (gone || !client_step(c, events[i].events & EPOLLIN))) client_let_go(s, c);
    }
    for (unsigned i = s->count; i-- > 0;)
        if (client_is_late(s->clients[i])) client_let_go(s, s->clients[i]);
    if (paused) {
        s->paused = false;
        listening(s, true);
    }
    for (int i = 0; i < n; i++)
        if (!events[i].data.ptr) accept_all(s); /* accept last, because clients that were closed above have made room */
}

void ctl_flush(struct ctl *s)
{
    for (unsigned i = 0; i < s->count; i++) client_flush(s->clients[i]);
}
