/* Rule files of every shape that code and tables can have: lists that become classifiers, straight code or both,
 * sets of all sizes, chains of the maximum depth, many firewalls, services, meters and patterns. They are the same
 * on every machine. */
#ifndef TESTS_LIB_SHAPES_H
#define TESTS_LIB_SHAPES_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler/compiler.h"

struct shape {
    const char *name; /* "acl-v6-1000-asks" */
    const char *text;
    size_t len;
    enum classify_when classify;
};

/* Call fn with each shape once; text and name live until it returns. `large`: lists of up to 100,000 rules, else of
 * a few thousand. */
typedef void shape_fn(void *arg, const struct shape *s);
void shapes_draw(bool large, shape_fn *fn, void *arg);

#endif
