/* The choice of files that a replay goes through, and of the time for which it prints results. */
#pragma once

#include "runtime/base/run_options.h"
#include "runtime/record/again/story.h"
#include "runtime/record/film.h"
#include "runtime/record/reel.h"

struct chosen {
    unsigned first, last;    /* indices of the reel's files, all of one run */
    unsigned unbegun;        /* number of last files without a beginning, skipped on the way to the last run */
    uint64_t from_ns, to_ns; /* wall times; 0: not given */
};

/* Choose the files by --from and --to, else the last run; t begins with the first file. Return 0, or a negative errno
 * with one line in err that names the file. */
int chosen_find(struct chosen *c, const struct reel *r, const struct options *o, struct story *t, char *err,
                size_t err_len);

/* Open the file and read its first scene. Return 0, or a negative errno with the fault in err. Call film_close in any
 * case. */
int chosen_open(const struct reel *r, unsigned at, struct film *f, struct scene *first, char *err, size_t err_len);
