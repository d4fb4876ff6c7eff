/* The loop of one thread: ready descriptors, due timers, deferred tasks. It needs neither a thread per connection
 * nor a system call per timer.
 *
 *      loop_init ─▶ [ loop_turn … ] ─▶ loop_fini
 *
 * Each change of a descriptor is reported once (edge-triggered), so its watcher goes on until EAGAIN, or asks for
 * another turn (loop_again). Memory is freed between turns (by loop_again, too), because an event of this turn may
 * still refer to it. */
#pragma once

#include "runtime/proxy/loop/wheel.h"

/* Embedded in the watcher of a descriptor. events: of epoll (EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR). */
struct watcher {
    void (*ready)(struct watcher *w, uint32_t events);
};

/* Work to do after the events of this turn; all 0: not waiting */
struct task {
    struct task *next;
    void (*run)(struct task *t);
    bool waits;
};

struct loop {
    int epoll;
    struct watcher wake_watcher;
    int wake;        /* an eventfd */
    uint64_t now_ns; /* monotonic, at the start of this turn */
    uint32_t turns;  /* number of turns so far */
    struct wheel wheel;
    struct task *first, **last; /* queue of tasks */
};

/* Return 0 or a negative errno */
int loop_init(struct loop *l);
void loop_fini(struct loop *l);

/* Call w->ready whenever fd becomes readable or writable, gets the peer's end, or fails; the first call is for its
 * present state. Closing fd ends this only if no other process holds fd: call loop_unwatch before. Return 0 or a
 * negative errno. */
int loop_watch(struct loop *l, int fd, struct watcher *w);
/* The same in each turn while fd is readable (level-triggered): for listeners */
int loop_watch_level(struct loop *l, int fd, struct watcher *w);
void loop_unwatch(struct loop *l, int fd);

/* Run t after this turn's events, only once however often it is requested. A task that requests itself again runs in
 * the next turn, and the loop does not sleep before. */
void loop_again(struct loop *l, struct task *t);

/* Wait until something is ready or due (at most most_ms; -1: no limit), and handle all of it */
void loop_turn(struct loop *l, int most_ms);
/* From any thread: end the loop's wait */
void loop_wake(struct loop *l);
