/* A sampler of events that keeps its cost bounded and its sums right: it takes one random event of each block of
 * `every` events, and this event represents the block (stratified sampling; Cochran, "Sampling Techniques", 1977,
 * chapter 5). Each event is taken with probability 1 / every, which only earlier events have set. So sums over the
 * taken events are right on average, even if an attacker chooses the events' order.
 *
 * While a span of 134 ms has `most` events or fewer, all are taken. Beyond that, the length of a block doubles
 * whenever `most` events have been taken; the next span begins with the length that the last one would have needed.
 * The kernel executor runs the same code (vm/kernel/events.bpf.c). */
#pragma once

#include <stdint.h>

enum { THIN_SHIFT = 27 /* a span has 2^27 ns */, THIN_LONGEST = 1 << 20 /* greatest length of a block */ };

struct thin {
    uint64_t span, seed;
    uint32_t every;      /* events of a block */
    uint32_t left, pick; /* events that the block has left; value of `left` at which an event is taken */
    uint32_t events;     /* events of this span */
    uint32_t taken;      /* events taken at this length of blocks */
};

/* Note an event. Return the number of events that it represents, including itself; 0: it is not taken. now_ns: time
 * of a clock that never runs back. most: number of events of a span that are all taken. */
static inline __attribute__((always_inline)) uint32_t thin_take(struct thin *t, uint64_t now_ns, uint32_t most)
{
    const uint64_t span = now_ns >> THIN_SHIFT;
    if (span != t->span) {
        const uint32_t due = t->span + 1 == span ? t->events / most : 0;
        t->every = due < 1 ? 1 : due > THIN_LONGEST ? THIN_LONGEST : due;
        t->span = span;
        t->left = t->events = t->taken = 0;
    }
    t->events += t->events < UINT32_MAX;
    if (!t->left) {
        t->every += !t->every;
        if (t->taken >= most && t->every < THIN_LONGEST) {
            t->every *= 2;
            t->taken = 0;
        }
        t->seed = (t->seed ^ now_ns) * 0x9e3779b97f4a7c15u + 1;
        t->left = t->every;
        t->pick = (uint32_t)((t->seed >> 32) * t->every >> 32);
    }
    if (--t->left != t->pick) return 0;
    t->taken++;
    return t->every;
}

/* Samplers of drops side by side, so that a flood of one kind does not hide another. */
enum { THINS = 8, THIN_DROPS = 32 /* drops of a span that are all taken */ };
struct thins {
    struct thin of[THINS];
};
/* Return the sampler for decisions by a rule, a default or a reason. */
static inline uint32_t thins_at(uint32_t rule, uint32_t firewall, uint32_t reason)
{
    return (rule + firewall * 3 + reason * 5) % THINS;
}
