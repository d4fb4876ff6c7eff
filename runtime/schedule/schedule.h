/* When the schedules of a program are active. The vm knows no clock: it is given a bit a schedule (struct facts). */
#pragma once

#include "vm/program/program.h"

/* Bit i: schedule i is active at that time since 1970. *until_ns (or NULL): a later time up to which that holds; ask
 * again then. UINT64_MAX without schedules. Zones are the C library's, which keeps one for the whole process: they are
 * set and put back under a lock, so calls from several threads are safe with one another, but not with a thread that
 * calls localtime or setenv at the same moment. */
uint32_t schedules_at(const struct program *p, uint64_t wall_ns, uint64_t *until_ns);

/* The same where the clock on the wall, whatever the zone, shows this day (0: Monday) and minute (0..1439). */
uint32_t schedules_on(const struct program *p, unsigned day, unsigned minute); /* of no date that a schedule names */
uint32_t schedules_on_date(const struct program *p, uint32_t date, unsigned minute); /* date: days since 1970 */

/* The day of the week of a date, 0: Monday. 1970 began with a Thursday. */
static inline unsigned date_weekday(uint32_t date) { return (date + 3) % 7; }

/* The first zone that this machine does not know, NULL where it knows all. */
const char *schedules_unknown_zone(const struct program *p);

/* Is there such a zone, "Europe/Paris"? Looked up where the C library looks: TZDIR, else /usr/share/zoneinfo. */
bool zone_known(const char *name);
/* All that there are, in no order; free with zones_free. *n is 0 where the machine has none. */
char **zones_list(size_t *n);
void zones_free(char **names, size_t n);
