/* A turn: one epoll_wait, one reading of the clock */
#include "runtime/proxy/loop/loop.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "runtime/base/clock.h"

enum { EVENTS_AT_ONCE = 256 };

static int loop_watch_fd(struct loop *l, int fd, struct watcher *w, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = w};
    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

int loop_watch(struct loop *l, int fd, struct watcher *w)
{
    return loop_watch_fd(l, fd, w, EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

int loop_watch_level(struct loop *l, int fd, struct watcher *w) { return loop_watch_fd(l, fd, w, EPOLLIN); }

void loop_unwatch(struct loop *l, int fd) { epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL); }

static void woken(struct watcher *w, uint32_t events)
{
    const struct loop *l = (struct loop *)((char *)w - offsetof(struct loop, wake_watcher));
    uint64_t count;
    /* the count does not matter */
    if (read(l->wake, &count, sizeof count) < 0) return;
}

void loop_wake(struct loop *l)
{
    const uint64_t one = 1;
    if (write(l->wake, &one, sizeof one) < 0) return; /* the counter is full: the loop wakes anyway */
}

int loop_init(struct loop *l)
{
    *l = (struct loop){.epoll = epoll_create1(EPOLL_CLOEXEC), .wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    l->last = &l->first;
    l->now_ns = clock_ns(CLOCK_MONOTONIC);
    l->wake_watcher.ready = woken;
    wheel_init(&l->wheel, l->now_ns);
    int err = l->epoll < 0 || l->wake < 0 ? -errno : loop_watch_level(l, l->wake, &l->wake_watcher);
    if (err) loop_fini(l);
    return err;
}

void loop_fini(struct loop *l)
{
    if (l->epoll >= 0) close(l->epoll);
    if (l->wake >= 0) close(l->wake);
    l->epoll = l->wake = -1;
}

void loop_again(struct loop *l, struct task *t)
{
    if (t->waits) return;
    t->waits = true;
    t->next = NULL;
    *l->last = t;
    l->last = &t->next;
}

/* Return the milliseconds to sleep, rounded up so that no timer is early */
static int sleep_ms(const struct loop *l, uint64_t due_ns, int most_ms)
{
    if (l->first) return 0;
    if (due_ns == UINT64_MAX) return most_ms;
    const uint64_t now = clock_ns(CLOCK_MONOTONIC), ms = due_ns <= now ? 0 : (due_ns - now + 999999) / 1000000;
    return most_ms >= 0 && ms > (uint64_t)most_ms ? most_ms : ms > INT32_MAX ? INT32_MAX : (int)ms;
}

void loop_turn(struct loop *l, int most_ms)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    const uint64_t due = wheel_turn(&l->wheel, l->now_ns);
    const int n = epoll_wait(l->epoll, events, EVENTS_AT_ONCE, sleep_ms(l, due, most_ms));
    l->now_ns = clock_ns(CLOCK_MONOTONIC);
    l->turns++;
    for (int i = 0; i < n; i++) {
        struct watcher *w = events[i].data.ptr;
        w->ready(w, events[i].events);
    }
    wheel_turn(&l->wheel, l->now_ns);
    struct task *all = l->first;
    l->first = NULL;
    l->last = &l->first;
    while (all) {
        struct task *t = all;
        all = t->next;
        t->waits = false;
        t->run(t);
    }
}
