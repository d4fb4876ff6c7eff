/* What stands in the way of something, and what mends it. */
#pragma once

#include <stdio.h>

struct obstacle {
    char why[240];
    char mend[150]; /* "": nothing that is known */
};

/* "why: mend", or "why"; returns buf. */
enum { OBSTACLE_TEXT = 400 };
static inline const char *obstacle_text(const struct obstacle *o, char *buf, size_t len)
{
    snprintf(buf, len, "%s%s%s", o->why, *o->mend ? ": " : "", o->mend);
    return buf;
}
