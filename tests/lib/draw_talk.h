/* Random conversations between a few hosts: packets that begin flows, reply to earlier ones, quote them in errors,
 * or are noise. */
#ifndef TESTS_LIB_DRAW_TALK_H
#define TESTS_LIB_DRAW_TALK_H

#include "tests/lib/rng.h"
#include "tests/lib/talk.h"

enum { TALKS_PAST = 64, TALK_TTL_DROPPED = 9 /* the TTL of one packet in six */ };

struct talks {
    struct rng *rng;
    unsigned hosts, ports;
    bool plain;                   /* UDP only, whose flows stay established */
    unsigned chatty;              /* number of packets in eight that reply to an earlier one */
    struct talk past[TALKS_PAST]; /* packets that errors quote */
    unsigned past_count;
    struct talk last;
};

void draw_talk(struct talks *r, struct talk *t);
/* Remember an accepted packet, so that later ones may reply to it. */
void talk_remember(struct talks *r, const struct talk *t);

bool talk_is_icmp(const struct talk *t);
/* Return the pair of types, from 1 on, that an ICMP query or reply belongs to; 0 for other types. */
unsigned talk_pair(const struct talk *t, bool *answers);

#endif
