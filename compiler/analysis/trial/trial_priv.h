/* Between drawing frames (trial.c) and asking what becomes of them (whole.c, searches.c). */
#pragma once

#include "compiler/compiler.h"
#include "vm/judge/draw.h"
#include "vm/vm.h"

struct doubt {
    struct compile *c;
    struct frame_draw draw; /* the finished program, and the frame that is asked about */
};

/* Build and parse the wish: d->draw.pkt, d->draw.key. False: no well-formed frame comes near (trial.c). */
bool wish_build(struct doubt *d, const struct frame_wish *w);

/* Does the code decide the frame as the rule list does? False after reporting (whole.c). */
bool agree_whole(struct doubt *d);
/* Classifiers by themselves: the boxes one after another, the search, the conditions of what it found. `most` random
 * headers of each. False after reporting (searches.c). */
bool agree_searches(struct doubt *d, uint32_t most);
