/* State shared by drawing frames (trial.c) and comparing classifiers (searches.c) */
#pragma once

#include "compiler/compiler.h"
#include "vm/judge/draw.h"
#include "vm/judge/lives.h"
#include "vm/vm.h"

struct doubt {
    struct compile *c;
    struct frame_draw draw; /* the finished program, and the current frame */
    struct lives *members;  /* members of the program's live sets; NULL: none */
    uint64_t chance;        /* seed by which their members are drawn */
};

/* Build and parse the wish: d->draw.pkt, d->draw.key. False: no well-formed frame comes close (trial.c). */
bool wish_build(struct doubt *d, const struct frame_wish *w);

/* Compare classifiers only: the boxes one after another, the search, the conditions of the rules found; `most`
 * random headers for each. False after a report (searches.c). */
bool agree_searches(struct doubt *d, uint32_t most);
