/* Timers of one thread: a wheel of slots of 16 ms, a chain of timers each. Setting one later than it stands costs a
 * store: it stays in its slot, and is put further when that comes round. So a time that each byte moves is cheap. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { WHEEL_SLOTS = 4096, WHEEL_TICK_SHIFT = 24 }; /* a slot: 2^24 ns */

/* In what it is for; all 0: not set. */
struct timer {
    struct timer *next, **link; /* link: what points here; NULL: it stands in no slot */
    uint64_t at_ns;
    void (*due)(struct timer *t); /* called once, with the timer no longer set */
};

struct wheel {
    struct timer *slots[WHEEL_SLOTS];
    uint64_t used[WHEEL_SLOTS / 64]; /* bit i: slot i may hold something */
    uint64_t tick;                   /* the first slot that has not been looked at, counted from time 0 */
};

void wheel_init(struct wheel *w, uint64_t now_ns);
/* Due no earlier than then, and at most two slots later. at_ns: mono; UINT64_MAX: never. */
void timer_set(struct wheel *w, struct timer *t, uint64_t at_ns);
void timer_stop(struct wheel *w, struct timer *t);
/* Call all that are due. Returns when the next may be, UINT64_MAX: none is set. */
uint64_t wheel_turn(struct wheel *w, uint64_t now_ns);
