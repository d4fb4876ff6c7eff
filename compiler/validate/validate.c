/* How many frames a program is tried on, and which: first some of each rule, then by chance. */
#include "compiler/validate/validate.h"

#include <time.h>

#include "compiler/ruletest/test_priv.h"
#include "compiler/validate/validate_priv.h"
#include "vm/program.h"

enum {
    VISITS_MAX = 1 << 17, /* rules that lists may be asked, all frames together, before the clock is looked at */
    FRAMES_LEAST = 32,    /* however long the list */
    CLOCK_EVERY = 16,     /* frames */
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t spent_ns(const struct compile *c)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < COMPILE_STAGES; i++) sum += c->stage_ns[i];
    return sum;
}

/* Frames of corners, at most `most` together: each rule's, or those of rules far enough apart. */
static bool corners(struct doubt *d, uint32_t most)
{
    const uint32_t rules = d->p->rules_count, step = rules > most / 2 ? rules / (most / 2 + 1) + 1 : 1;
    struct wish w;

    for (uint32_t rule = 0; rule < rules; rule += step)
        for (enum corner which = CORNER_LOW; which <= CORNER_HIGH; which++) {
            wish_of_rule(d, rule, which, &w);
            if (wish_build(d, &w) && !agree_whole(d)) return false;
        }
    return true;
}

static bool by_chance(struct doubt *d, uint32_t frames)
{
    struct wish w;

    for (uint32_t i = 0; i < frames; i++) {
        wish_any(d, &w);
        if (wish_build(d, &w) && !agree_whole(d)) return false;
    }
    return true;
}

/* What a quarter of the time allows. Which frames those are does not depend on it, only how many. */
static bool while_it_lasts(struct doubt *d, uint64_t began)
{
    const uint64_t most_ns = spent_ns(d->c) / 3;

    while (now_ns() - began < most_ns)
        if (!by_chance(d, CLOCK_EVERY)) return false;
    return true;
}

/* Frames that the whole list can be asked about. */
static uint32_t affordable(const struct doubt *d)
{
    const uint32_t frames = VISITS_MAX / d->p->rules_count;

    if (frames >= d->c->doubts) return d->c->doubts;
    return frames > FRAMES_LEAST ? frames : FRAMES_LEAST;
}

uint64_t validate_program(struct compile *c, const struct program *p)
{
    struct doubt d = {.c = c, .p = p, .seed = 1};
    const uint64_t began = now_ns();

    if (!p->rules_count || !c->doubts) return 0;
    d.bytes = arena_alloc(c->arena, TEST_FRAME_MOST);
    const uint32_t frames = affordable(&d);
    /* what the list is too long for is asked of its classifiers */
    const bool good =
        agree_searches(&d, c->doubts - frames) && corners(&d, frames / 2) && by_chance(&d, frames - frames / 2);
    if (good && c->doubts >= DOUBTS) while_it_lasts(&d, began);
    return d.tried;
}
