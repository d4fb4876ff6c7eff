/* Declarations shared by the files of `--replay`. */
#pragma once

#include "runtime/base/out.h"
#include "runtime/capture/capture.h"
#include "runtime/copies/replayed.h"
#include "runtime/observe/replayed.h"
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
    const struct program *labelled;     /* program of the labels */
    const struct vm_counters *counters; /* for the summary: of the last program; else NULL */
    uint64_t frames, bytes;             /* judged so far */
    uint64_t first_ns, last_ns;         /* earliest and latest time of a packet; 0: none */
    struct listed flows;
    struct sessions sessions;
    struct out verdicts;
    bool headed, would; /* verdict lines have a header, with a column for what would be */
    struct picked picked;
    struct otherwise otherwise;
    struct copied {
        struct replayed to;
        const char *names[PORTS_MOST];
        const struct copies_table *table; /* slots of the last program with mirrors; NULL: none had any */
        char fault[600];                  /* reason why there are no copies */
    } copied;
    struct recording_observed {
        struct observed_replay to;
        struct watching {
            const struct recording *g;
            unsigned at; /* number of the worker */
            struct observe_out out;
        } worker[WORKERS_MOST];
        bool any;   /* true if some program watches */
        int failed; /* 2: no file is written, after a complaint */
    } observing;
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
/* Copies that the programs' rules make (played.c): a callback of actors; files are written; the end, 0 or 2 after a
 * complaint. */
const struct copies_table *played_program(void *arg, struct actor *a, const struct program *p);
void played_turn(struct recording *g);
int played_end(struct recording *g);
/* Connections that the programs' services watch (observing.c): a callback of actors; the end, 0 or 2 after a complaint.
 */
const struct observe_out *observing_program(void *arg, struct actor *a, const struct program *p);
int observing_end(struct recording *g);
/* Print the summary. Return the exit status. */
int recording_summary(struct recording *g);
