/* The moments of one or two programs' schedules. A zone's week falls into moments: all minutes at which the same of its
 * schedules are active; and, behind those of any week, those that only dates bring about. Clocks of different zones may
 * show any two times together, so a moment of all is one of each zone's. Moments exclude each other, and one of them
 * always is. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lang/arena.h"
#include "vm/program/program.h"

enum { DAY_MINUTES = 24 * 60, WEEK_MINUTES = 7 * DAY_MINUTES, TIMES_PROGRAMS = 2 };

struct week {
    const char *zone; /* "": UTC */
    uint32_t count;
    uint16_t *at;                       /* [WEEK_MINUTES] from Monday: which moment it is */
    uint32_t *minutes;                  /* [count] that each has; of dates alone: 0 */
    uint32_t (*active)[TIMES_PROGRAMS]; /* [count] schedules of the zone, of each program */
};
struct times {
    struct week *weeks;
    uint32_t week_count, count; /* no week: no schedule, and one moment */
};

/* All in the arena. False: there are more than `most`, and *out holds that many of them. */
bool times_find(struct arena *a, const struct program *const *programs, unsigned n, uint32_t most, struct times *out);
/* The schedules of the program (its place in `programs`) that are active then; and how much of all time it is. */
uint32_t times_active(const struct times *t, uint32_t moment, unsigned program);
double times_share(const struct times *t, uint32_t moment);
