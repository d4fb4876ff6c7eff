/* Times at which a program's schedules are active. The vm has no clock: it gets a bit for each schedule (struct
 * facts). */
#pragma once

#include "vm/program/program.h"

/* Return a bit for each schedule: bit i is set if schedule i is active at wall_ns (since 1970). *until_ns (or NULL)
 * gets the end of the time for which this holds; UINT64_MAX without schedules. The C library has one zone per
 * process: zones are set and put back under a lock, so several threads may call this, but none may call localtime or
 * setenv meanwhile. */
uint32_t schedules_at(const struct program *p, uint64_t wall_ns, uint64_t *until_ns);

/* The same for a local day (0: Monday) and minute (0..1439) in every zone, on a date that no schedule names */
uint32_t schedules_on(const struct program *p, unsigned day, unsigned minute);
uint32_t schedules_on_date(const struct program *p, uint32_t date,
                           unsigned minute); /* The same on a date, in days since 1970 */

/* Return the day of the week of a date, 0: Monday. 1970 began with a Thursday. */
static inline unsigned date_weekday(uint32_t date) { return (date + 3) % 7; }

/* Return the first zone of the program that this machine does not know, or NULL */
const char *schedules_unknown_zone(const struct program *p);

/* True if the zone ("Europe/Paris") exists in the C library's folder: TZDIR, else /usr/share/zoneinfo */
bool zone_known(const char *name);
/* Return the names of all zones, unsorted; free with zones_free. *n is 0 if the machine has none. */
char **zones_list(size_t *n);
void zones_free(char **names, size_t n);
