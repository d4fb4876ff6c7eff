/* Dates and times of day are tried form by form, in UTC; durations are numbers with a unit */
#include "runtime/base/when.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND UINT64_C(1000000000)
#define DAY    (86400 * SECOND)

/* Read an optional fraction of a second, then an optional Z (UTC). */
static bool read_rest(const char *at, uint64_t *ns)
{
    *ns = 0;
    if (*at == '.') {
        uint64_t unit = SECOND;
        for (at++; *at >= '0' && *at <= '9'; at++) *ns += (uint64_t)(*at - '0') * (unit /= 10);
    }
    return !strcmp(*at == 'Z' ? at + 1 : at, "");
}

bool when_read(const char *text, struct when *w)
{
    static const char *const forms[] = {"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M",
                                        "%Y-%m-%d",          "%H:%M:%S",          "%H:%M"};
    enum { DATED = 5 };
    for (unsigned i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm tm = {.tm_year = 70, .tm_mday = 1};
        uint64_t fraction;
        const char *end = strptime(text, forms[i], &tm);
        if (!end || !read_rest(end, &fraction)) continue;
        const time_t at = timegm(&tm);
        if (at < 0 || (uint64_t)at >= UINT64_MAX / SECOND) return false; /* after 2554 */
        *w = (struct when){.dated = i < DATED, .ns = (uint64_t)at * SECOND + fraction};
        return true;
    }
    return false;
}

uint64_t when_until(const struct when *w, uint64_t near_ns)
{
    const uint64_t that_day = near_ns / DAY * DAY + w->ns;
    if (w->dated) return w->ns;
    return that_day <= near_ns || that_day < DAY ? that_day : that_day - DAY;
}

uint64_t when_from(const struct when *w, uint64_t near_ns)
{
    const uint64_t that_day = near_ns / DAY * DAY + w->ns;
    if (w->dated) return w->ns;
    return that_day >= near_ns ? that_day : that_day + DAY;
}

bool duration_read(const char *text, uint64_t *ns)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {{"ms", UINT64_C(1000000)},
                 {"s", UINT64_C(1000000000)},
                 {"m", UINT64_C(60000000000)},
                 {"h", UINT64_C(3600000000000)},
                 {"d", UINT64_C(86400000000000)}};
    const uint64_t most = 36525 * units[4].ns;
    char *unit;
    if (*text < '0' || *text > '9') return false;
    const uint64_t n = strtoull(text, &unit, 10); /* ULLONG_MAX if out of range */
    for (unsigned i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(unit, units[i].name) != 0 || n > most / units[i].ns) continue;
        *ns = n * units[i].ns;
        return true;
    }
    return false;
}
