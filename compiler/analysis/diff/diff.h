/* `preyc --diff OLD NEW`: the effect of a change of rules on packets, not on text. Both programs' rule lists become one
 * normal form. Only rules that are not equal in both, in the same order, can change anything, so only their regions are
 * sent down both lists (README.md). */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "vm/program/program.h"

/* Kinds of changes for a region's packets: more is let through, less, or neither (a drop becomes a reject, or an
 * answer changes). A different rule with the same outcome is not a change. */
#define DIFF_KINDS(KIND)                                                                                               \
    KIND(WIDENED, "widened")                                                                                           \
    KIND(NARROWED, "narrowed")                                                                                         \
    KIND(OTHER, "changed")
enum diff_kind {
#define KIND(ident, name) DIFF_##ident,
    DIFF_KINDS(KIND)
#undef KIND
        DIFF_KIND_COUNT
};

struct diff_options {
    bool json;
    bool without_pools; /* leave out servers of pools, and clients that reach them: the caller reports these */
    uint64_t work;      /* most work, in products looked at; 0: as much as a reader would wait for */
};

/* True if the first bytes of the file at `path` are those of a compiled program; false also if it can't be read. */
bool diff_is_program(const char *path);

/* Compare two verified programs and print the differences to `out`. Returns 0 if nothing widened, and 1 if something
 * widened or may have. Returns -EINVAL, with one line in err, if the programs can't be compared, or if the vm judges
 * an example differently than computed (an internal fault). */
int diff_print(struct program *old, struct program *new, const struct diff_options *o, FILE *out, char *err,
               size_t err_len);
