/* Classifiers that no compiler would make, most of which pass the verifier: random trees that share words and runs,
 * with lanes that test random parts of the key. Also keys that sometimes match them. */
#ifndef TESTS_LIB_DRAW_TREE_H
#define TESTS_LIB_DRAW_TREE_H

#include "tests/lib/imgbuild.h"
#include "tests/lib/rng.h"

enum { DRAWN_ENTRIES = 40, DRAWN_RUNS = 30 };
struct drawn_tree {
    struct imgbuild b; /* from img_list, to load with img_load_list, which puts the classifier's figures right */
    struct rng *r;
    uint32_t run[DRAWN_RUNS], run_format[DRAWN_RUNS], runs;
    uint32_t stock[8]; /* slot values that lanes test and keys have */
};

/* Draw a tree. The caller frees it with img_fini(&d->b). */
void tree_draw(struct drawn_tree *d, struct rng *r);
/* Draw a key: values that some lanes test, and values of the stock in its other slots. */
void tree_key(struct drawn_tree *d, struct key *key);

#endif
