/* What `--check` was given: files, and folders that stand for the rule files in them. */
#pragma once

#include <stdint.h>

struct inputs {
    char **names; /* owned, each malloc'd */
    uint32_t count, room;
};

/* All of `given` in its order; a folder's `*.prey` in the order of their names, bytewise, without those of folders in
 * it. Returns 0, or -1 after a line on standard error: a folder can't be read or holds no rule file. inputs_free in
 * either case. */
int inputs_expand(struct inputs *in, char *const *given, int count);
void inputs_free(struct inputs *in);
