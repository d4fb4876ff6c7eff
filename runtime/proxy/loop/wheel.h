/* Timers of one thread: a wheel of slots of 16 ms, each a list of timers. Setting a timer later costs one store: it
 * moves on only when the wheel reaches its slot. So a timer that each byte postpones is cheap. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { WHEEL_SLOTS = 4096, WHEEL_TICK_SHIFT = 24 }; /* a slot: 2^24 ns */

/* Embedded in the timed thing; all 0: not set */
struct timer {
    struct timer *next, **link; /* link: the pointer to this timer; NULL: not in a slot */
    uint64_t at_ns;
    void (*due)(struct timer *t); /* called once, with the timer no longer set */
};

struct wheel {
    struct timer *slots[WHEEL_SLOTS];
    uint64_t used[WHEEL_SLOTS / 64]; /* bit i: slot i may have timers */
    uint64_t tick;                   /* next slot to handle, counted from time 0 */
};

void wheel_init(struct wheel *w, uint64_t now_ns);
/* Set a timer, due at at_ns or up to two slots later. at_ns: monotonic; UINT64_MAX: never. */
void timer_set(struct wheel *w, struct timer *t, uint64_t at_ns);
void timer_stop(struct wheel *w, struct timer *t);
/* Call all due timers. Return the time at which the next may be due, UINT64_MAX: none is set. */
uint64_t wheel_turn(struct wheel *w, uint64_t now_ns);
