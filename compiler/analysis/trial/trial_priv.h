/* Between drawing frames (draw.c), building them (frame.c) and asking what becomes of them (whole.c, searches.c). */
#ifndef COMPILER_TRIAL_PRIV_H
#define COMPILER_TRIAL_PRIV_H

#include "compiler/compiler.h"
#include "vm/vm.h"

/* A frame as somebody would have it. What no frame can be is built as what comes near: the key that is asked about is
 * always one that the parser made. */
struct wish {
    struct key key; /* marks: TCP flags, the state, schedules; kind: OUT or self makes the address this machine's */
    uint64_t src_mac, dst_mac;
    const struct pbc_pattern *pattern; /* NULL: none */
    bool sized;                        /* key.length is meant: else as long as it needs be */
    bool bare;                         /* without a link layer, if it is IP and has no tags */
};

/* Which value of several: the first, the last, any. */
enum corner { CORNER_LOW, CORNER_HIGH, CORNER_ANY };

struct doubt {
    struct compile *c;
    const struct program *p;
    uint64_t seed;
    uint8_t *bytes; /* of the frame */
    struct pkt pkt; /* the last frame that was built, */
    struct key key; /* and what the parser made of it */
    uint64_t tried; /* frames */
};

uint32_t doubt_draw(struct doubt *d); /* the same numbers in every compile */

/* Build and parse the wish into d->pkt, d->key. False: no well-formed frame comes near (frame.c). */
bool wish_build(struct doubt *d, const struct wish *w);

/* A frame of the rule's conditions, as far as each can be had on its own, but for the condition `beside` (PBC_NONE:
 * none), which it is to miss by as little as may be; nothing is promised (draw.c). */
void wish_of_rule(struct doubt *d, uint32_t rule, uint32_t beside, enum corner which, struct wish *w);
/* Any frame, mostly of some rule, some of its fields by chance. */
void wish_any(struct doubt *d, struct wish *w);

/* Does the code decide d->key as the rule list does? False after reporting (whole.c). */
bool agree_whole(struct doubt *d);
/* Classifiers by themselves: the boxes one after another, the search, the conditions of what it found. `most` random
 * headers of each. False after reporting (searches.c). */
bool agree_searches(struct doubt *d, uint32_t most);

#endif
