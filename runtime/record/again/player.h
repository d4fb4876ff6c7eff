/* A recording, done once more: its scenes in order, its workers as actors. */
#pragma once

#include "runtime/exchange/moments.h"
#include "runtime/record/again/actor.h"

struct player {
    struct story story; /* begun by story_begin */
    bool begun;         /* the actors are there */
    bool followed;      /* the file has come to its end, and another one follows */
    bool ended;         /* and nothing is missing after what they did */
    struct actor actors[WORKERS_MOST];
    struct actor_watch watch; /* of all actors */
    struct unmade unmade;
    /* Of a session, as a proxy loop told it, by a program of the story; NULL: nobody asks. Called with watch.arg. */
    void (*moment)(void *arg, unsigned loop, const struct session_moment *m, const struct told_program *k);
};

/* The next scene of a file, hostile, but for its first. 0; or a negative errno with one line in err: the rest makes no
 * sense, or memory is out. */
int player_scene(struct player *p, const struct scene *s, char *err, size_t err_len);
/* What follows is not known, until each worker tells its state: nothing of it is compared before. */
void player_gap(struct player *p, const char *why);
/* Have all workers come to watch.to_ns? */
bool player_over(const struct player *p);
/* There is no more. */
void player_end(struct player *p);
void player_fini(struct player *p);
/* Of all actors. */
struct actor_counters player_counters(const struct player *p);
