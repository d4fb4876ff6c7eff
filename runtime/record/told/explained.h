/* --replay with --explain: packets of a recording, in words. */
#pragma once

#include "runtime/base/options.h"
#include "runtime/record/again/actor.h"
#include "runtime/report/text.h"

struct explaining {
    const struct options *o;
    const struct labels *labels; /* of the program that judges */
    uint64_t frames;             /* that came before the batch */
    bool any;                    /* one was told before */
};

/* Judge the batch of n in a->views, and explain what o->explained wants of it, in order. What it decides and sends is
 * not compared. Returns the exit status. */
int explained(struct actor *a, unsigned n, const struct explaining *e);
