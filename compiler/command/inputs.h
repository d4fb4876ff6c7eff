/* Inputs of `--check`: files, folders for the rule files in them, and with `-i IF,...` interfaces. */
#pragma once

#include <stdint.h>

#include "compiler/command/options.h"
#include "compiler/compiler.h"

struct inputs {
    char **names; /* owned array of malloc'd names */
    uint32_t count, room;
};

/* Expand `given` in its order; a folder becomes its `*.prey` sorted bytewise, without those of its folders. Return 0,
 * or -1 after a line on standard error: a folder can't be read or holds no rule file. Call inputs_free in either
 * case. */
int inputs_expand(struct inputs *in, char *const *given, int count);
void inputs_free(struct inputs *in);

/* Check that firewalls judge all interfaces that preyrun is to serve. Call after a good compile. Warnings go to
 * c->diags. Without -i nothing is checked. */
void interfaces_check(const struct options *o, struct compile *c);
