/* What `--check` was given: files, folders that stand for the rule files in them, and with `-i IF,...` interfaces. */
#pragma once

#include <stdint.h>

#include "compiler/command/options.h"
#include "compiler/compiler.h"

struct inputs {
    char **names; /* owned, each malloc'd */
    uint32_t count, room;
};

/* All of `given` in its order; a folder's `*.prey` in the order of their names, bytewise, without those of folders in
 * it. Returns 0, or -1 after a line on standard error: a folder can't be read or holds no rule file. inputs_free in
 * either case. */
int inputs_expand(struct inputs *in, char *const *given, int count);
void inputs_free(struct inputs *in);

/* Would a firewall judge all that preyrun is to serve? After a good compile. What is found goes to c->diags; nothing
 * without -i. */
void interfaces_check(const struct options *o, struct compile *c);
