/* Which files of a directory a replay goes through, and from when to when what it finds is printed. */
#pragma once

#include "runtime/base/options.h"
#include "runtime/record/again/story.h"
#include "runtime/record/film.h"
#include "runtime/record/reel.h"

struct chosen {
    unsigned first, last;    /* of the reel's files: all of one run */
    unsigned unbegun;        /* the last files of the reel, without a beginning: passed by on the way to the last run */
    uint64_t from_ns, to_ns; /* on the wall; 0: not said */
};

/* As --from and --to say, else the last run; t begins with the first file. 0; or a negative errno with one line in err,
 * which names the file. */
int chosen_find(struct chosen *c, const struct reel *r, const struct options *o, struct story *t, char *err,
                size_t err_len);

/* That file, its first scene read. 0; or a negative errno with what is wrong with it in err.
 * film_close in any case. */
int chosen_open(const struct reel *r, unsigned at, struct film *f, struct scene *first, char *err, size_t err_len);
