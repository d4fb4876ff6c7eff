/* Declarations shared by the files of `--replay`. */
#pragma once

#include "runtime/base/out.h"
#include "runtime/capture/capture.h"
#include "runtime/record/again/player.h"
#include "runtime/record/reel.h"
#include "runtime/record/told/chosen.h"
#include "runtime/record/told/listed.h"
#include "runtime/record/told/otherwise.h"
#include "runtime/record/told/picked.h"
#include "runtime/record/told/sessions.h"

struct recording {
    const struct options *o;
    struct reel reel;
    struct chosen chosen;
    struct player player;
    struct labels labels;
    const struct program *labelled; /* program of the labels */
    uint64_t frames, bytes;         /* judged so far */
    uint64_t first_ns, last_ns;     /* earliest and latest time of a packet; 0: none */
    struct listed flows;
    struct sessions sessions;
    struct out verdicts;
    struct picked picked;
    struct otherwise otherwise;
    struct capture_writer *writer;
    int write_error;
    bool same; /* judged by the recorded programs */
    bool short_of_memory;
    uint64_t explained; /* last frame of --explain so far; 0: none */
    int explained_status;
    char stopped[300]; /* reason why the rest was left out */
};

/* Set g->labels to that program. False: out of memory. */
bool recording_label(struct recording *g, const struct program *p);
/* Print the summary. Return the exit status. */
int recording_summary(struct recording *g);
