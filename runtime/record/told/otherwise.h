/* Packets with a verdict that differs from the recorded one, grouped by both verdicts. */
#pragma once

#include <cjson/cJSON.h>

#include "runtime/record/again/actor.h"

enum { OTHERWISE_PAIRS = 64 /* most pairs of verdicts kept apart */, OTHERWISE_WORDS = 160 };

struct otherwise_pair {
    const struct program *ran, *judges; /* owned by the player */
    struct verdict was, now;
    uint64_t packets, frame, time_ns; /* number and time of the first packet */
    char packet[OTHERWISE_WORDS];     /* the first packet in words */
};
struct otherwise {
    struct otherwise_pair pairs[OTHERWISE_PAIRS];
    unsigned count;
    uint64_t left_out; /* packets of further pairs */
};

/* Count packet i of the batch. Return the pair if it is new and its `packet` must be written; else NULL. */
struct otherwise_pair *otherwise_add(struct otherwise *o, const struct judged *j, unsigned i, uint64_t frame,
                                     uint64_t wall_ns);
/* Sort the pairs by their number of packets, the largest first. */
void otherwise_sort(struct otherwise *o);
/* Write a part of the summary; nothing, or an empty array, if there are no pairs. Without memory names are left out. */
void otherwise_text(FILE *out, const struct otherwise *o);
void otherwise_json(cJSON *to, const struct otherwise *o);
