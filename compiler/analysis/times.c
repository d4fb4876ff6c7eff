/* Weeks cut at the bounds of their zone's schedules (times.h) */
#include "compiler/analysis/times.h"

#include <stdlib.h>
#include <string.h>

#include "lang/order.h"
#include "runtime/schedule/schedule.h"

enum { DATE_ENDS = 128 }; /* most bounds of a zone's dates */

static const char *zone_of(const struct program *p, uint32_t schedule)
{
    return program_str(p, p->schedules[schedule].zone);
}

static struct week *week_of(struct times *t, const char *zone)
{
    for (uint32_t i = 0; i < t->week_count; i++)
        if (strcmp(t->weeks[i].zone, zone) == 0) return &t->weeks[i];
    t->weeks[t->week_count] = (struct week){.zone = zone};
    return &t->weeks[t->week_count++];
}

/* Return the schedules of the zone, as bits. */
static uint32_t mask_of(const struct program *p, const char *zone)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < p->schedules_count; i++)
        if (strcmp(zone_of(p, i), zone) == 0) mask |= 1u << i;
    return mask;
}

/* Return the moment with these active schedules, new if need be; `most` if there are too many. */
static uint32_t moment_with(struct week *w, const uint32_t now[TIMES_PROGRAMS], uint32_t most)
{
    uint32_t m = 0;
    while (m < w->count && memcmp(w->active[m], now, sizeof(*w->active)) != 0) m++;
    if (m == w->count && m < most) memcpy(w->active[w->count++], now, sizeof(*w->active));
    return m;
}

/* Collect bounds of the zone's dates, in minutes since 1970. Returns their number; DATE_ENDS + 1: too many. */
static uint32_t date_ends(const struct program *const *programs, unsigned n, const char *zone, uint64_t at[DATE_ENDS])
{
    uint32_t count = 0;
    for (unsigned i = 0; i < n; i++)
        for (uint32_t k = 0; k < programs[i]->schedules_count; k++) {
            const struct pbc_schedule *s = &programs[i]->schedules[k];
            const struct pbc_span *spans = programs[i]->spans + s->first;
            for (uint32_t j = 0; strcmp(zone_of(programs[i], k), zone) == 0 && j < s->count; j++) {
                if (spans[j].days) continue;
                if (count + 2 > DATE_ENDS) return DATE_ENDS + 1;
                at[count++] = (uint64_t)spans[j].first * DAY_MINUTES + spans[j].from;
                at[count++] = (uint64_t)spans[j].last * DAY_MINUTES + spans[j].to;
            }
        }
    qsort(at, count, sizeof(*at), order_u64);
    return count;
}

/* Add moments that occur only on dates: from each bound of dates to the next, but at most a week, because weeks
 * repeat. */
static bool cut_dates(const struct program *const *programs, unsigned n, const uint32_t masks[TIMES_PROGRAMS],
                      uint32_t most, struct week *w)
{
    uint64_t at[DATE_ENDS];
    const uint32_t ends = date_ends(programs, n, w->zone, at);
    if (ends > DATE_ENDS) return false;
    for (uint32_t e = 0; e + 1 < ends; e++)
        for (uint64_t minute = at[e]; minute < at[e + 1] && minute < at[e] + WEEK_MINUTES; minute++) {
            uint32_t now[TIMES_PROGRAMS] = {0};
            for (unsigned i = 0; i < n; i++)
                now[i] =
                    schedules_on_date(programs[i], (uint32_t)(minute / DAY_MINUTES), (unsigned)(minute % DAY_MINUTES)) &
                    masks[i];
            if (moment_with(w, now, most) == most) return false;
        }
    return true;
}

/* Cut a week into moments. False: more than `most`; the last one then holds the others. */
static bool cut_week(struct arena *a, const struct program *const *programs, unsigned n, uint32_t most, struct week *w)
{
    uint32_t masks[TIMES_PROGRAMS] = {0};
    bool all = true;
    w->at = arena_alloc(a, WEEK_MINUTES * sizeof(*w->at));
    w->minutes = arena_alloc(a, most * sizeof(*w->minutes));
    w->active = arena_alloc(a, most * sizeof(*w->active));
    for (unsigned i = 0; i < n; i++) masks[i] = mask_of(programs[i], w->zone);
    for (unsigned minute = 0; minute < WEEK_MINUTES; minute++) {
        uint32_t now[TIMES_PROGRAMS] = {0};
        for (unsigned i = 0; i < n; i++)
            now[i] = schedules_on(programs[i], minute / DAY_MINUTES, minute % DAY_MINUTES) & masks[i];
        const uint32_t m = moment_with(w, now, most);
        all = all && m < most;
        w->at[minute] = (uint16_t)(m < most ? m : most - 1);
        w->minutes[w->at[minute]]++;
    }
    return cut_dates(programs, n, masks, most, w) && all;
}

bool times_find(struct arena *a, const struct program *const *programs, unsigned n, uint32_t most, struct times *out)
{
    uint64_t count = 1;
    uint32_t schedules = 0;
    bool all = true;
    for (unsigned i = 0; i < n; i++) schedules += programs[i]->schedules_count;
    *out = (struct times){.weeks = arena_alloc(a, (schedules + 1) * sizeof(*out->weeks))};
    for (unsigned i = 0; i < n; i++)
        for (uint32_t k = 0; k < programs[i]->schedules_count; k++) {
            struct week *w = week_of(out, zone_of(programs[i], k));
            if (w->at) continue;
            all = cut_week(a, programs, n, most, w) && all;
            count = count * w->count < UINT32_MAX ? count * w->count : UINT32_MAX;
        }
    out->count = count < most ? (uint32_t)count : most;
    return all && count <= most;
}

uint32_t times_active(const struct times *t, uint32_t moment, unsigned program)
{
    uint32_t bits = 0;
    for (const struct week *w = t->weeks; w < t->weeks + t->week_count; moment /= w->count, w++)
        bits |= w->active[moment % w->count][program];
    return bits;
}

double times_share(const struct times *t, uint32_t moment)
{
    double share = 1;
    for (const struct week *w = t->weeks; w < t->weeks + t->week_count; moment /= w->count, w++) {
        const uint32_t minutes = w->minutes[moment % w->count]; /* bare dates are rare: count one minute */
        share *= (minutes ? minutes : 1) / (double)WEEK_MINUTES;
    }
    return share;
}
