/* Moments of one or two programs' schedules. A zone's week falls into moments, all minutes with the same active
 * schedules; behind them come moments that occur only on dates. Clocks of different zones may show any two times at
 * once, so a common moment is one moment of each zone. Moments exclude each other, and one of them always holds. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lang/arena.h"
#include "vm/program/program.h"

enum { DAY_MINUTES = 24 * 60, WEEK_MINUTES = 7 * DAY_MINUTES, TIMES_PROGRAMS = 2 };

struct week {
    const char *zone; /* its name; "": UTC */
    uint32_t count;
    uint16_t *at;                       /* [WEEK_MINUTES] moment of each minute, from Monday */
    uint32_t *minutes;                  /* [count] minutes of each moment; 0: on dates only */
    uint32_t (*active)[TIMES_PROGRAMS]; /* [count] active schedules of the zone, by program */
};
struct times {
    struct week *weeks;
    uint32_t week_count, count; /* week_count 0: no schedule exists, and there is one moment */
};

/* Find the moments; all memory is in the arena. False: more than `most`, and *out holds `most` of them. */
bool times_find(struct arena *a, const struct program *const *programs, unsigned n, uint32_t most, struct times *out);
/* Return the active schedules of a program (its index in `programs`) at the moment. Return the moment's share of all
 * time (second function). */
uint32_t times_active(const struct times *t, uint32_t moment, unsigned program);
double times_share(const struct times *t, uint32_t moment);
