/* Reason why something cannot be done, and its remedy. */
#pragma once

#include <stdio.h>

struct obstacle {
    char why[300];
    char mend[150]; /* remedy; "": none is known */
};

/* Write "why: mend", or "why" without a remedy. Return buf. */
enum { OBSTACLE_TEXT = 460 };
static inline const char *obstacle_text(const struct obstacle *o, char *buf, size_t len)
{
    snprintf(buf, len, "%s%s%s", o->why, *o->mend ? ": " : "", o->mend);
    return buf;
}
