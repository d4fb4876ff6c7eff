/* `preyc --diff OLD NEW`: what a change of rules changes for packets, not for text. Both programs' rule lists become
 * one normal form; only rules that are not the same in both, in the same order, can change anything, so their regions
 * alone are sent down both lists (README.md). */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "vm/program/program.h"

/* What a region's packets get: more than before, less, or something else that lets neither more nor less through (a
 * drop becomes a reject, an answer another one). What another rule decides alike is no change. */
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
    bool no_pools; /* who asks tells of pools' servers, and who reaches them, itself */
    uint64_t work; /* what the comparison may cost, in products looked at; 0: as much as a reader waits for */
};

/* Is the file at `path` a compiled program, by its first bytes? What can't be read is none. */
bool diff_is_program(const char *path);

/* Compare two verified programs and print what differs to `out`. Returns 0: nothing widened; 1: something did, or may
 * have, where that is not decided; -EINVAL: they can't be compared, with one line in err (a fault of ours, too: where
 * the vm judges an example otherwise than was found). */
int diff_print(struct program *old, struct program *new, const struct diff_options *o, FILE *out, char *err,
               size_t err_len);
