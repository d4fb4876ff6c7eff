/* Classifiers as no compiler would make them, but most of them such as the verifier takes: random trees that share
 * words and runs, lanes that ask random parts of the key; and keys that now and then match. */
#ifndef TESTS_LIB_DRAW_TREE_H
#define TESTS_LIB_DRAW_TREE_H

#include "tests/lib/imgbuild.h"
#include "tests/lib/rng.h"

enum { DRAWN_ENTRIES = 40, DRAWN_RUNS = 30 };
struct drawn_tree {
    struct imgbuild b; /* img_list's, to load by img_load_list; its figures are not right yet */
    struct rng *r;
    uint32_t run[DRAWN_RUNS], run_format[DRAWN_RUNS], runs;
    uint32_t stock[8]; /* values of slots: those that lanes ask, and keys have */
};

/* img_fini(&d->b) when done. */
void tree_draw(struct drawn_tree *d, struct rng *r);
/* Questions of some lanes, and where else the stock has them. */
void tree_key(struct drawn_tree *d, struct key *key);

#endif
