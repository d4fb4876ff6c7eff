/* A walk in parts through the flows and observed connections of all workers, then the sessions of all proxy loops
 * (runtime/exchange/listing.h, runtime/proxy/listing.h). Parts block no thread for long. The walk may miss flows
 * that begin or end meanwhile. */
#pragma once

#include "runtime/exchange/listing.h"
#include "runtime/live/control/control_state.h"
#include "runtime/proxy/listing.h"

struct walk;

struct walk_ops {
    /* Handle a part in w->listing, or in w->sessions if walk_of_sessions; then call walk_on, now or later. */
    void (*part)(struct walk *w);
    void (*free)(struct walk *w); /* called once the walk is unused */
};

/* First member of the caller's struct; zeroed before walk_begin. */
struct walk {
    struct walk *next;
    struct control *control;
    const struct walk_ops *ops;
    unsigned worker; /* index of a worker; from the number of workers on, of a proxy loop */
    enum { WALK_RESTS, WALK_WAITS /* the worker is filling another part */, WALK_FILLS } state;
    bool left;
    uint32_t began_at;   /* position where the part begins */
    bool began_observed; /* the part began among the observed connections */
    struct listing listing;
    struct session_listing sessions;
};

bool walk_of_sessions(const struct walk *w);
/* Return the serial of the program to which the part's numbers belong, and the time at which the part was filled
 * (mono). */
uint64_t walk_program(const struct walk *w);
uint64_t walk_now(const struct walk *w);

/* Ask for the first part. */
void walk_begin(struct walk *w, struct control *control, const struct walk_ops *ops);
/* Ask for the next part. False: no more. */
bool walk_on(struct walk *w);
/* Ask for the same part again. */
void walk_again(struct walk *w);
/* End the walk. ops->free is called once no worker fills a part of it. */
void walk_leave(struct walk *w);

/* Handle filled parts, after workers have called. */
void walks_step(struct control *control);
/* Free all walks, after the workers have ended. */
void walks_fini(struct control *control);
