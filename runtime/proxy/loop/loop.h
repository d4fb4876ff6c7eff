/* The loop of one thread: descriptors that are ready, timers that are due, tasks put off. No thread a connection, no
 * system call a timer.
 *
 *      loop_init ─▶ [ loop_turn … ] ─▶ loop_fini
 *
 * Each descriptor is told of once when something about it changes (edge-triggered), so whoever watches one goes on
 * until it says EAGAIN, or asks for another turn (loop_again). What is freed is freed between turns (loop_again, too):
 * an event of this turn may still name it. */
#pragma once

#include "runtime/proxy/loop/wheel.h"

/* In what watches a descriptor. events: as epoll says them (EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR). */
struct watcher {
    void (*ready)(struct watcher *w, uint32_t events);
};

/* Something to be done once the events of this turn are through; all 0: not waiting. */
struct task {
    struct task *next;
    void (*run)(struct task *t);
    bool waits;
};

struct loop {
    int epoll;
    struct watcher wake_watcher;
    int wake;        /* an eventfd */
    uint64_t now_ns; /* mono, of this turn */
    uint32_t turns;  /* so many there were */
    struct wheel wheel;
    struct task *first, **last; /* tasks */
};

/* 0 or a negative errno. */
int loop_init(struct loop *l);
void loop_fini(struct loop *l);

/* From now on w->ready is called when fd becomes readable or writable, hears the other end's last byte, or fails; first
 * with what holds already. Closing fd ends it only where no other process holds it, so loop_unwatch goes before. 0 or
 * a negative errno. */
int loop_watch(struct loop *l, int fd, struct watcher *w);
/* The same as long as it is readable, each turn (level-triggered): for listeners. */
int loop_watch_level(struct loop *l, int fd, struct watcher *w);
void loop_unwatch(struct loop *l, int fd);

/* Run t after this turn's events; if it waits already, once. A task that asks again waits for the next turn, and the
 * loop does not sleep before. */
void loop_again(struct loop *l, struct task *t);

/* Wait until something is ready or due (at most most_ms; -1: for ever), and do all of it. */
void loop_turn(struct loop *l, int most_ms);
/* From any thread: the loop's turn ends soon. */
void loop_wake(struct loop *l);
