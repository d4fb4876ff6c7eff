/* What the files of `--replay` share. */
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
    const struct program *labelled; /* that the labels are of */
    uint64_t frames, bytes;         /* judged so far */
    uint64_t first_ns, last_ns;     /* when the earliest and the latest of them came; 0: none has */
    struct listed flows;
    struct sessions sessions;
    struct out verdicts;
    struct picked picked;
    struct otherwise otherwise;
    struct capture_writer *writer;
    int write_error;
    bool same; /* by the program that ran */
    bool short_of_memory;
    uint64_t explained; /* the last frame of --explain that has come; 0: none */
    int explained_status;
    char stopped[300]; /* why some of it was left out */
};

/* Labels of that program, in g->labels. False: memory is out. */
bool recording_label(struct recording *g, const struct program *p);
/* What is printed at the end. The exit status. */
int recording_summary(struct recording *g);
