/* Groups of users that may change some live sets: --sets-group GROUP:SET[,SET]... */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { SETS_GROUPS = 16 };

struct sets_group {
    gid_t gid;
    const char *sets; /* names, with commas, as given */
};

/* Read the text; the result points into it. A group is a name, which the C library resolves, or a number. False,
 * with a reason in why. */
bool sets_group_read(const char *text, struct sets_group *to, char *why, size_t why_len);
/* True if the group may change the set. */
bool sets_group_has(const struct sets_group *g, const char *set);
