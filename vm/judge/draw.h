/* Frames drawn from a program's rules, to test whether two executors judge alike. The frames come from the
 * conditions as they are in the rule list, so they depend on neither normal form nor code. Each frame is parsed:
 * only keys that packets can have are tried.
 *
 *   draw_rule, draw_any  a wish: the header that is wanted
 *   draw_frame           the wish as a frame, and the key that the parser makes of it */
#pragma once

#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/program/program.h"
#include "vm/tables.h"

/* Wanted properties of a frame. An impossible combination gives a frame close to it. */
struct frame_wish {
    struct key key; /* marks: TCP flags, state, schedules; kind: OUT or self makes the address this machine's */
    uint64_t src_mac, dst_mac;
    const struct pbc_pattern *pattern; /* pattern of bytes in the frame; NULL: none */
    const struct cond_info *number;    /* value of an IP header field that the key lacks; NULL: none is wanted */
    uint32_t number_value;
    uint16_t way;   /* as in struct pkt */
    uint8_t source; /* as in struct pkt */
    bool sized;     /* key.length is wanted; otherwise the frame is as long as necessary */
    bool bare;      /* no link layer, if the frame is IP without tags */
};

/* Choice of one of several values: the first, the last, any. */
enum corner { CORNER_LOW, CORNER_HIGH, CORNER_ANY };

/* State of drawing. The caller sets program, seed and bytes. */
struct frame_draw {
    const struct program *program;
    uint64_t seed;   /* the same seed draws the same frames */
    uint8_t *bytes;  /* FRAME_MOST bytes for the frame */
    struct pkt pkt;  /* the frame that was built last */
    struct key key;  /* its key by the parser, with a state and schedules */
    uint64_t frames; /* number of frames built */
};

uint32_t draw_number(struct frame_draw *d);

/* Draw a frame that meets the rule's conditions, each as far as it can be met by itself, except condition `beside`
 * (PBC_NONE: none), which it narrowly misses. The result may fall short. */
void draw_rule(struct frame_draw *d, uint32_t rule, uint32_t beside, enum corner which, struct frame_wish *w);
/* Draw any frame, mostly by some rule, with random fields. The program must have a rule. */
void draw_any(struct frame_draw *d, struct frame_wish *w);
/* Build and parse the wish into d->pkt and d->key, which the caller settles (forward/service.h). False: no well-formed
 * frame is close to it. */
bool draw_frame(struct frame_draw *d, const struct frame_wish *w);
