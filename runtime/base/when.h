/* Times and durations as people write them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A moment: 03:12, 03:12:30.5, 2026-11-21 03:12, 2026-11-21T03:12:30Z, 2026-11-21 (its midnight). In UTC, as all
 * printed times. */
struct when {
    bool dated;  /* the moment has a date; false: it is a time of day */
    uint64_t ns; /* nanoseconds since 1970, or since midnight */
};

/* Parse a moment. False: malformed, or outside the range of 64 bits of nanoseconds (1970 to 2554). */
bool when_read(const char *text, struct when *w);
/* Return ns since 1970. For a time of day: the latest match up to `near_ns`, or (when_from) the earliest from then
 * on. */
uint64_t when_until(const struct when *w, uint64_t near_ns);
uint64_t when_from(const struct when *w, uint64_t near_ns);

/* Parse a duration as in rules: 500ms, 30s, 5m, 2h, 7d. False: malformed, or longer than a hundred years. */
bool duration_read(const char *text, uint64_t *ns);
