/* Frames drawn from a program's rules: what tries whether two executors judge alike. Frames come from the conditions as
 * they stand in the rule list, so that neither normal form nor code has a part in them, and each is parsed: no key is
 * asked about that no packet has.
 *
 *     draw_rule, draw_any     what the header should be: a wish
 *     draw_frame              the wish as a frame, and the key that the parser makes of it */
#pragma once

#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/program/program.h"
#include "vm/tables.h"

/* A frame as somebody would have it. What no frame can be comes out as what is near. */
struct frame_wish {
    struct key key; /* marks: TCP flags, the state, schedules; kind: OUT or self makes the address this machine's */
    uint64_t src_mac, dst_mac;
    const struct pbc_pattern *pattern; /* NULL: none */
    const struct cond_info *number;    /* of the IP header that the key has no room for; NULL: none is meant */
    uint32_t number_value;
    uint16_t way;   /* as in struct pkt */
    uint8_t source; /* likewise */
    bool sized;     /* key.length is meant: else as long as it needs be */
    bool bare;      /* without a link layer, if it is IP and has no tags */
};

/* Which value of several: the first, the last, any. */
enum corner { CORNER_LOW, CORNER_HIGH, CORNER_ANY };

/* The caller sets program, seed and bytes. */
struct frame_draw {
    const struct program *program;
    uint64_t seed;   /* the same one draws the same frames */
    uint8_t *bytes;  /* FRAME_MOST, of the frame */
    struct pkt pkt;  /* the last frame that was built, */
    struct key key;  /* and what the parser made of it, with a state and schedules */
    uint64_t frames; /* built so far */
};

uint32_t draw_number(struct frame_draw *d);

/* A frame of the rule's conditions, as far as each can be had on its own, but for the condition `beside` (PBC_NONE:
 * none), which it is to miss by as little as may be; nothing is promised. */
void draw_rule(struct frame_draw *d, uint32_t rule, uint32_t beside, enum corner which, struct frame_wish *w);
/* Any frame, mostly of some rule, some of its fields by chance. There is a rule. */
void draw_any(struct frame_draw *d, struct frame_wish *w);
/* Build and parse the wish into d->pkt, d->key, which the caller settles (forward/service.h). False: no well-formed
 * frame comes near. */
bool draw_frame(struct frame_draw *d, const struct frame_wish *w);
