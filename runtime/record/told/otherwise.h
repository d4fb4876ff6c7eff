/* Packets that are judged otherwise than was recorded, by what judged them then and what does now. */
#pragma once

#include <cjson/cJSON.h>

#include "runtime/record/again/actor.h"

enum { OTHERWISE_PAIRS = 64 /* of verdicts, that are told apart */, OTHERWISE_WORDS = 160 };

struct otherwise_pair {
    const struct program *ran, *judges; /* the player's */
    struct verdict was, now;
    uint64_t packets, frame, time_ns; /* number and time of the first */
    char packet[OTHERWISE_WORDS];     /* the first in words */
};
struct otherwise {
    struct otherwise_pair pairs[OTHERWISE_PAIRS];
    unsigned count;
    uint64_t left_out; /* packets of more pairs */
};

/* Count packet i of the batch. The pair, where it is the first of it and its `packet` is to be written; else NULL. */
struct otherwise_pair *otherwise_add(struct otherwise *o, const struct judged *j, unsigned i, uint64_t frame,
                                     uint64_t wall_ns);
/* By their packets, those of the most first. */
void otherwise_sort(struct otherwise *o);
/* Parts of the summary; nothing, and an empty array, where all is as recorded. Out of memory names are left out. */
void otherwise_text(FILE *out, const struct otherwise *o);
void otherwise_json(cJSON *to, const struct otherwise *o);
