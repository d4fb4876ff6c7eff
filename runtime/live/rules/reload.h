/* Another program in place of the one that runs: its file again, or whatever else is wished for. */
#pragma once

#include "runtime/live/rules/state.h"

/* The program that is to replace the one that runs, and how. */
struct reload_wish {
    struct program *program;                   /* the caller's */
    const char *name, *what, *by;              /* of its file; how it is told of, before and behind. Until `over` */
    bool unjudged;                             /* it may leave something unjudged (judged.h) */
    bool again;                                /* it ran before: what it could only watch by now is told alone */
    void (*over)(void *with, const char *why); /* it was made (NULL), or why it is not; NULL: nobody asks */
    void *with;                                /* over's */
};

/* Begin; none is under way. */
void reload_to(struct rules *rules, const struct reload_wish *w);
/* The same from the file of the command line, later if one is under way. */
void reload_begin(struct rules *rules);
/* The same, where the file holds another program than when it was read last; none is under way. */
void reload_changed(struct rules *rules);
/* Workers may have taken it, or have brought all flows in line. */
void reload_step(struct rules *rules);
void reload_fini(struct rules *rules);
