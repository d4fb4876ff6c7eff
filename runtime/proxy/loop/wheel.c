/* A timer is in the slot of its time, or in the farthest slot if its time is a turn of the wheel or more ahead */
#include "runtime/proxy/loop/wheel.h"

#include <stddef.h>

void wheel_init(struct wheel *w, uint64_t now_ns) { *w = (struct wheel){.tick = now_ns >> WHEEL_TICK_SHIFT}; }

static void wheel_put(struct wheel *w, struct timer *t)
{
    uint64_t tick = (t->at_ns + (1ull << WHEEL_TICK_SHIFT) - 1) >> WHEEL_TICK_SHIFT;
    if (tick < w->tick) tick = w->tick;
    if (tick >= w->tick + WHEEL_SLOTS) tick = w->tick + WHEEL_SLOTS - 1;
    const unsigned slot = tick % WHEEL_SLOTS;
    struct timer **head = &w->slots[slot];
    t->next = *head;
    t->link = head;
    if (t->next) t->next->link = &t->next;
    *head = t;
    w->used[slot / 64] |= 1ull << slot % 64;
}

void timer_stop(struct wheel *w, struct timer *t)
{
    if (!t->link) return;
    *t->link = t->next;
    if (t->next) t->next->link = t->link;
    t->link = NULL;
    t->next = NULL;
}

void timer_set(struct wheel *w, struct timer *t, uint64_t at_ns)
{
    if (at_ns == UINT64_MAX) {
        timer_stop(w, t);
        return;
    }
    const bool later = t->link && at_ns >= t->at_ns;
    t->at_ns = at_ns;
    if (later) return;
    timer_stop(w, t);
    wheel_put(w, t);
}

/* Handle all timers of the current slot: due ones, and those to be put into a later slot */
static void turn_slot(struct wheel *w, uint64_t now_ns)
{
    const unsigned slot = w->tick % WHEEL_SLOTS;
    struct timer *all = w->slots[slot];
    w->slots[slot] = NULL;
    w->used[slot / 64] &= ~(1ull << slot % 64);
    w->tick++;
    if (all) all->link = &all;
    while (all) {
        struct timer *t = all;
        timer_stop(w, t);
        if (t->at_ns > now_ns)
            wheel_put(w, t);
        else
            t->due(t);
    }
}

/* Return the tick of the first slot from w->tick on that may have timers; UINT64_MAX: none */
static uint64_t next_used(const struct wheel *w)
{
    for (unsigned ahead = 0; ahead < WHEEL_SLOTS;) {
        const unsigned slot = (w->tick + ahead) % WHEEL_SLOTS;
        const uint64_t bits = w->used[slot / 64] >> slot % 64;
        if (bits) return w->tick + ahead + (unsigned)__builtin_ctzll(bits);
        ahead += 64 - slot % 64;
    }
    return UINT64_MAX;
}

uint64_t wheel_turn(struct wheel *w, uint64_t now_ns)
{
    const uint64_t now = now_ns >> WHEEL_TICK_SHIFT;
    for (;;) {
        const uint64_t next = next_used(w);
        if (next > now) {
            if (w->tick <= now) w->tick = now + 1 < next ? now + 1 : next;
            return next == UINT64_MAX ? UINT64_MAX : next << WHEEL_TICK_SHIFT;
        }
        w->tick = next;
        turn_slot(w, now_ns);
    }
}
