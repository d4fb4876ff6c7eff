/* A recording run again: its scenes in order, its workers as actors. */
#pragma once

#include "runtime/exchange/moments.h"
#include "runtime/record/again/actor.h"

struct player {
    struct story story; /* story of the recording, set up by story_begin */
    bool begun;         /* the actors exist */
    bool followed;      /* the file is complete, and another one follows */
    bool ended;         /* the recording is complete: no later steps are missing */
    struct actor actors[WORKERS_MOST];
    struct actor_watch watch; /* callbacks of all actors */
    struct unmade unmade;
    /* Handle a moment of a session that a proxy loop reported, under a program of the story; NULL: not wanted. arg:
     * watch.arg. */
    void (*moment)(void *arg, unsigned loop, const struct session_moment *m, const struct told_program *k);
};

/* Play the next scene of a file, except its first. Its bytes are hostile. Return 0, or a negative errno with one
 * line in err if the rest is invalid, or memory is out. */
int player_scene(struct player *p, const struct scene *s, char *err, size_t err_len);
/* Note a gap: comparison stops until each worker reports its state. */
void player_gap(struct player *p, const char *why);
/* True if all workers have reached watch.to_ns. */
bool player_over(const struct player *p);
/* Finish: no scenes follow. */
void player_end(struct player *p);
void player_fini(struct player *p);
/* Return the sums over all actors. */
struct actor_counters player_counters(const struct player *p);
