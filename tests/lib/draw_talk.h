/* Conversations of few hosts, drawn: packets that begin flows, answer earlier ones, quote them in errors, or are noise.
 */
#ifndef TESTS_LIB_DRAW_TALK_H
#define TESTS_LIB_DRAW_TALK_H

#include "tests/lib/rng.h"
#include "tests/lib/talk.h"

enum { TALKS_PAST = 64, TALK_TTL_DROPPED = 9 /* one packet in six has it */ };

struct talks {
    struct rng *rng;
    unsigned hosts, ports;
    bool plain;                   /* UDP only: flows that are established stay there */
    unsigned chatty;              /* of eight packets, so many answer an earlier one */
    struct talk past[TALKS_PAST]; /* what errors quote */
    unsigned past_count;
    struct talk last;
};

void draw_talk(struct talks *r, struct talk *t);
/* It was accepted: others may answer it. */
void talk_remember(struct talks *r, const struct talk *t);

bool talk_is_icmp(const struct talk *t);
/* The pair of types of an ICMP query or its answer, from 1 on; 0: it is neither. */
unsigned talk_pair(const struct talk *t, bool *answers);

#endif
