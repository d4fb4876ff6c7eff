/* Shared by drawing a rule's frame (draw.c) and its conditions (cond.c). */
#pragma once

#include "vm/judge/draw.h"

/* Remaining choice of a frame while a rule's conditions are read. */
struct choice {
    uint32_t families;  /* set of KIND_IP4, KIND_IP6, KIND_ARP and DRAW_OTHER */
    uint32_t protocols; /* set of bits of key.kind that name protocols, and DRAW_NUMBER */
    uint32_t number;    /* protocol number, for DRAW_NUMBER */
    bool fixed;         /* a condition asked for protocols */
    bool ah;            /* AH is wanted */
};
enum {
    DRAW_OTHER = KIND_ETHER,
    DRAW_NUMBER = KIND_PROTO,
    DRAW_NAMED = KIND_WITH_PORTS | KIND_ICMP | KIND_ICMP6,
    DRAW_FRAGMENTS = KIND_FRAG_NO | KIND_FRAGMENT,
};

/* Return a number below n (0 if n is 0), or one of the bits (second function). */
uint32_t draw_below(struct frame_draw *d, uint32_t n);
uint32_t draw_bit(struct frame_draw *d, uint32_t bits);

/* Narrow the families and protocols by a condition; set the condition's own field (cond.c). */
void draw_narrow(struct frame_draw *d, struct choice *ch, const struct pbc_cond *c, enum corner which);
void draw_fulfil(struct frame_draw *d, const struct pbc_cond *c, enum corner which, struct frame_wish *w);
