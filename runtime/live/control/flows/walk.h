/* The flows of all workers, then the sessions of all proxy loops, a part at a time (runtime/exchange/listing.h,
 * runtime/proxy/listing.h), so that neither they nor the main thread are held up. Flows that begin or end meanwhile may
 * be met or not. */
#pragma once

#include "runtime/exchange/listing.h"
#include "runtime/live/control/state.h"
#include "runtime/proxy/listing.h"

struct walk;

struct walk_ops {
    /* w->listing holds one, or, where walk_of_sessions, w->sessions: then walk_on, now or later. */
    void (*part)(struct walk *w);
    void (*free)(struct walk *w); /* nothing uses it any more */
};

/* First in whatever goes so; zeroed before walk_begin. */
struct walk {
    struct walk *next;
    struct control *control;
    const struct walk_ops *ops;
    unsigned worker; /* behind the last: the first loop */
    enum { WALK_RESTS, WALK_WAITS /* the worker fills another's part */, WALK_FILLS } state;
    bool left;
    uint32_t began_at; /* where the part began */
    struct listing listing;
    struct session_listing sessions;
};

bool walk_of_sessions(const struct walk *w);
/* Of the part that is there: the serial of the program whose numbers it has, and when it was filled (mono). */
uint64_t walk_program(const struct walk *w);
uint64_t walk_now(const struct walk *w);

/* The first part is asked for. */
void walk_begin(struct walk *w, struct control *control, const struct walk_ops *ops);
/* The next one is. False: there are no more. */
bool walk_on(struct walk *w);
/* The same part again. */
void walk_again(struct walk *w);
/* It ends here: ops->free is called, when no worker fills it any more. */
void walk_leave(struct walk *w);

/* Workers have called: parts that are filled. */
void walks_step(struct control *control);
/* The workers have ended. */
void walks_fini(struct control *control);
