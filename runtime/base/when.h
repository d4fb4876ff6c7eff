/* Times as people write them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A moment: 03:12, 03:12:30.5, 2026-11-21 03:12, 2026-11-21T03:12:30Z, 2026-11-21 (its midnight); in UTC, as all times
 * are printed. */
struct when {
    bool dated;  /* else a time of some day: */
    uint64_t ns; /* since 1970, or since midnight */
};

/* False: the text is none, or none that 64 bits of nanoseconds reach (1970 to 2554). */
bool when_read(const char *text, struct when *w);
/* Nanoseconds since 1970. Of a time of some day: the latest one up to `near_ns`; the earliest one from `near_ns` on. */
uint64_t when_until(const struct when *w, uint64_t near_ns);
uint64_t when_from(const struct when *w, uint64_t near_ns);

/* A span of time as rules write it: 500ms, 30s, 5m, 2h, 7d. False: the text is none, or longer than a hundred years. */
bool duration_read(const char *text, uint64_t *ns);
