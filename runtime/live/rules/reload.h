/* Replacement of the running program: by its file, read again, or by another program. */
#pragma once

#include "runtime/live/rules/rules_state.h"

/* The program that is to replace the running one, and the manner. */
struct reload_wish {
    struct program *program;      /* owned by the caller */
    const char *name, *what, *by; /* file name; event text before and after it; valid until `over` */
    const char *allows;           /* devices that may be left unjudged, with commas; NULL: none (judged.h) */
    struct began began;           /* its way, and the user who requested it */
    bool unjudged;                /* the program is taken whatever it leaves unjudged, because it was in force before */
    bool again;    /* the program ran before: rules that can only be watched are reported, and no reason to refuse it */
    bool by_names; /* the same program with new addresses of servers' names: the requester reports it, and it is not a
                      new beginning */
    void (*over)(void *with,
                 const char *why); /* called at the end; why: NULL after success, else the reason; may be NULL */
    void *with;                    /* argument of `over` */
};

/* Load the program's file again, through the parent. NULL, with one line in err. */
struct program *reload_file(const struct rules *rules, char *err, size_t err_len);
/* Begin a reload. None may be under way. */
void reload_to(struct rules *rules, const struct reload_wish *w);
/* Begin a reload from the file of the command line, or note it for later if one is under way. */
void reload_begin(struct rules *rules);
/* Put the file of the command line in force after a start that runs another program; if it is the same, `over` is
 * called at once. No reload may be under way. */
void reload_start(struct rules *rules, void (*over)(void *with, const char *why), void *with);
/* Begin a reload if the file holds another program than when it was last read. No reload may be under way. */
void reload_changed(struct rules *rules);
/* Begin a reload of the program in force if a name of its servers has another address, at most once per second.
 * Flows of the old server go on like those of a removed one. */
void reload_named(struct rules *rules, uint64_t now_ns);
/* Continue the reload once workers have taken the program or converted all flows. */
void reload_step(struct rules *rules);
void reload_fini(struct rules *rules);
