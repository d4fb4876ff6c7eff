/* Declarations shared by the files of `--replay`. */
#pragma once

#include <cjson/cJSON.h>

#include "runtime/base/options/run_options.h"
#include "runtime/base/out.h"
#include "runtime/capture/capture.h"
#include "runtime/copies/replayed.h"
#include "runtime/observe/replayed.h"
#include "runtime/record/again/actor.h"
#include "runtime/record/again/player.h"
#include "runtime/record/again/story.h"
#include "runtime/record/film.h"
#include "runtime/record/reel.h"
#include "runtime/record/told/sessions.h"
#include "runtime/report/flow_list.h"
#include "runtime/report/only.h"
#include "runtime/report/text.h"

/* The files of a replay, and the period for which it prints results. */
struct chosen {
    unsigned first, last;    /* indices of the reel's files, all of one run */
    unsigned unbegun;        /* number of newest files without a beginning, skipped in the search for the last run */
    uint64_t from_ns, to_ns; /* wall times of the period; 0: not given */
};

/* Choose the files by --from and --to, else the last run; t begins with the first file. Return 0, or a negative errno
 * with one line in err that names the file. */
int chosen_find(struct chosen *c, const struct reel *r, const struct options *o, struct story *t, char *err,
                size_t err_len);

/* Open the file and read its first scene. Return 0, or a negative errno with the fault in err. Call film_close in any
 * case. */
int chosen_open(const struct reel *r, unsigned at, struct film *f, struct scene *first, char *err, size_t err_len);

/* --replay with --flows: the flows of all workers in one list, with wall times. Servers of one name in several programs
 * count as one. */
struct listed {
    struct flow_list list; /* list of the flows; its servers are those of all programs so far */
    char **names;
    uint32_t names_count;
    const struct program *of; /* program of `ids`; NULL: none yet */
    uint32_t *ids;            /* index in names for each server of that program */
    uint64_t from_ns;         /* flows that ended earlier are left out */
};

/* Add a flow that has ended, with the worker's times. labels: of the actor's program. */
void listed_add(struct listed *l, const struct labels *labels, const struct actor *a, const struct flow_record *f);
/* Add the worker's flows that go on. */
void listed_rest(struct listed *l, const struct labels *labels, const struct actor *a);
void listed_fini(struct listed *l);

/* Packets with a verdict that differs from the recorded one, grouped by both verdicts. */
enum { OTHERWISE_PAIRS = 64 /* most pairs of verdicts kept apart */, OTHERWISE_WORDS = 160 };

struct otherwise_pair {
    const struct program *ran, *judges; /* programs of the pair, owned by the player */
    struct verdict was, now;
    uint64_t packets, frame, time_ns; /* number of packets; frame and time of the first one */
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
/* Write a part of the summary; without pairs, nothing or an empty array. Without memory, names are left out. */
void otherwise_text(FILE *out, const struct otherwise *o);
void otherwise_json(cJSON *to, const struct otherwise *o);

/* --replay with --only, --describe and --write-seen: the choice of frames with lines, and their bytes. A frame is
 * copied before it is judged, because a worker rewrites it in place. */
struct picked {
    const struct options *o;
    struct only only; /* --only, parsed with the judging program's names */
    bool has, known;  /* the program has all names of --only; some program so far had them */
    char unknown[400];
    struct capture_writer *writer; /* output of --write-seen, or NULL */
    int write_error;               /* error of the output, a negative errno */
    uint8_t *bytes;                /* [room] bytes of the batch being judged */
    size_t room;
    struct capture_frame frames[VM_BATCH];
};

/* Open the output. names, links: [ports] of interfaces (capture_create). Return 0, or -1 with a line in err. Call
 * picked_close in any case. */
int picked_open(struct picked *s, const struct options *o, const char *const names[], const uint8_t links[],
                unsigned ports, char *err, size_t err_len);
/* Flush and close the output. Return 0 or the negative errno of the first failure. */
int picked_close(struct picked *s);
/* Switch to the next judging program. A name of --only that it lacks matches no frame. */
void picked_program(struct picked *s, const struct labels *labels);
/* Keep a batch of n packets before it is judged. False: out of memory. */
bool picked_keep(struct picked *s, const struct actor *a, unsigned n);
/* True if --only takes the frame. otherwise: the verdict differs from the recorded one. */
bool picked_takes(const struct picked *s, const struct verdict *v, bool otherwise);
/* Describe packet i of the judged batch in words. */
void picked_words(const struct picked *s, const struct actor *a, unsigned i, char *buf, size_t len);
void picked_write(struct picked *s, unsigned i, uint64_t wall_ns);

struct recording {
    const struct options *o;
    struct reel reel;
    struct chosen chosen;
    struct player player;
    struct labels labels;
    const struct program *labelled;     /* program of the labels */
    const struct vm_counters *counters; /* for the summary: counters of the last program; else NULL */
    uint64_t frames, bytes;             /* frames and bytes judged so far */
    uint64_t first_ns, last_ns;         /* earliest and latest time of a packet; 0: none */
    struct listed flows;
    struct sessions sessions;
    struct out verdicts;
    bool headed, would; /* verdict lines have a header, with a column for results without `audit` */
    struct picked picked;
    struct otherwise otherwise;
    struct copied {
        struct replayed to;
        const char *names[PORTS_MOST];
        const struct copies_table *table; /* slots of the last program with mirrors; NULL: none had any */
        char fault[600];                  /* reason why copies can't be made */
    } copied;
    struct recording_observed {
        struct observed_replay to;
        struct watching {
            const struct recording *g;
            unsigned at; /* number of the worker */
            struct observe_out out;
        } worker[WORKERS_MOST];
        bool any;   /* true if a program observes connections */
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
/* Make the copies of the programs' rules (played.c). Return a program's slots, as a callback of actors. Write the
 * files (second function). End; return 0, or 2 after a complaint (third function). */
const struct copies_table *played_program(void *arg, struct actor *a, const struct program *p);
void played_turn(struct recording *g);
int played_end(struct recording *g);
/* Write the connections that the programs' services observe (observing.c). Return the receiver of events, as a
 * callback of actors. End; return 0, or 2 after a complaint (second function). */
const struct observe_out *observing_program(void *arg, struct actor *a, const struct program *p);
int observing_end(struct recording *g);
/* Print the summary. Return the exit status. */
int recording_summary(struct recording *g);
