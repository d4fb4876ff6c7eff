/* Spans of days and hours in the local time of a zone.
 *
 * Spans are compared with local time: an hour that daylight saving time skips is never active, an hour that it repeats
 * is active twice. */
#include "runtime/schedule/schedule.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DAY_MINUTES = 24 * 60, SECOND_NS = 1000000000, QUARTER = 900, LOOK_AHEAD = 8 * 86400 };

static pthread_mutex_t zone_lock = PTHREAD_MUTEX_INITIALIZER;

/* The process's own zone, saved while another is set */
struct zone_kept {
    char *name;
    bool switched;
};

static void zone_enter(const char *zone, struct zone_kept *kept)
{
    char name[256];
    kept->switched = *zone != '\0';
    if (!kept->switched) return;
    pthread_mutex_lock(&zone_lock);
    const char *before = getenv("TZ");
    kept->name = before ? strdup(before) : NULL;
    snprintf(name, sizeof name, ":%s", zone);
    setenv("TZ", name, 1);
    tzset();
}

static void zone_leave(struct zone_kept *kept)
{
    if (!kept->switched) return;
    if (kept->name)
        setenv("TZ", kept->name, 1);
    else
        unsetenv("TZ");
    tzset();
    free(kept->name);
    pthread_mutex_unlock(&zone_lock);
}

/* A schedule whose zone is set in the process */
struct clock {
    const struct pbc_span *spans;
    uint32_t count;
    bool utc;
};

struct moment {
    unsigned day, minute, second; /* day 0: Monday */
    uint32_t date;                /* days since 1970 in the zone; DATE_NONE: no date */
    long offset;                  /* the zone's offset from UTC, in seconds */
};
#define DATE_NONE UINT32_MAX

static struct moment moment_of(const struct clock *c, time_t t)
{
    struct tm tm = {0};
    if (c->utc)
        gmtime_r(&t, &tm);
    else
        localtime_r(&t, &tm);
    return (struct moment){(unsigned)(tm.tm_wday + 6) % 7, (unsigned)(tm.tm_hour * 60 + tm.tm_min),
                           (unsigned)tm.tm_sec % 60, (uint32_t)((t + tm.tm_gmtoff) / 86400), tm.tm_gmtoff};
}

static bool span_holds(const struct pbc_span *s, const struct moment *m)
{
    const unsigned day = m->day, minute = m->minute;
    if (!s->days) {
        if (m->date == DATE_NONE || m->date < s->first || m->date > s->last) return false;
        return (m->date > s->first || m->minute >= s->from) && (m->date < s->last || m->minute < s->to);
    }
    const bool today = s->days >> day & 1, yesterday = s->days >> (day + 6) % 7 & 1;
    if (s->from < s->to) return today && s->from <= minute && minute < s->to;
    return (today && minute >= s->from) || (yesterday && minute < s->to);
}

static bool active_on(const struct clock *c, const struct moment *m)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (span_holds(&c->spans[i], m)) return true;
    return false;
}

static bool active_at(const struct clock *c, time_t t)
{
    const struct moment m = moment_of(c, t);
    return active_on(c, &m);
}

/* Return the next time at which a result can change: a span's start or end, midnight, or the next quarter of an
 * hour, because offsets of zones change on quarters. */
static time_t next_stop(const struct clock *c, time_t t)
{
    const struct moment m = moment_of(c, t);
    unsigned minutes = DAY_MINUTES - m.minute;
    for (uint32_t i = 0; i < c->count; i++) {
        const unsigned ends[] = {c->spans[i].from, c->spans[i].to};
        for (unsigned k = 0; k < 2; k++)
            if (ends[k] > m.minute && ends[k] - m.minute < minutes) minutes = ends[k] - m.minute;
    }
    const time_t stop = t + (time_t)minutes * 60 - (time_t)m.second, quarter = (t / QUARTER + 1) * QUARTER;
    return stop < quarter ? stop : quarter;
}

/* Return the first second after `from`, at most `to`, that has the offset of `to` */
static time_t offset_change(const struct clock *c, time_t from, time_t to)
{
    const long after = moment_of(c, to).offset;
    while (to - from > 1) {
        const time_t middle = from + (to - from) / 2;
        if (moment_of(c, middle).offset == after)
            to = middle;
        else
            from = middle;
    }
    return to;
}

/* Return the first second at which the schedule's state changes. After LOOK_AHEAD without a change, return that
 * time, because asking again then costs nothing. */
static time_t until(const struct clock *c, time_t now)
{
    const bool active = active_at(c, now);
    time_t t = now;
    while (t - now < LOOK_AHEAD) {
        time_t next = next_stop(c, t);
        if (moment_of(c, next).offset != moment_of(c, t).offset) next = offset_change(c, t, next);
        if (active_at(c, next) != active) return next;
        t = next;
    }
    return t;
}

uint32_t schedules_at(const struct program *p, uint64_t wall_ns, uint64_t *until_ns)
{
    const time_t now = (time_t)(wall_ns / SECOND_NS);
    uint32_t bits = 0;
    if (until_ns) *until_ns = UINT64_MAX;
    for (uint32_t i = 0; i < p->schedules_count; i++) {
        const struct pbc_schedule *s = &p->schedules[i];
        const struct clock c = {p->spans + s->first, s->count, !s->zone};
        struct zone_kept kept = {0};
        zone_enter(program_str(p, s->zone), &kept);
        bits |= (uint32_t)active_at(&c, now) << i;
        const uint64_t end = until_ns ? (uint64_t)until(&c, now) * SECOND_NS : 0;
        zone_leave(&kept);
        if (until_ns && end < *until_ns) *until_ns = end;
    }
    return bits;
}

static uint32_t shown(const struct program *p, const struct moment *m)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < p->schedules_count; i++) {
        const struct clock c = {.spans = p->spans + p->schedules[i].first, .count = p->schedules[i].count};
        bits |= (uint32_t)active_on(&c, m) << i;
    }
    return bits;
}

uint32_t schedules_on(const struct program *p, unsigned day, unsigned minute)
{
    const struct moment m = {.day = day % 7, .minute = minute % DAY_MINUTES, .date = DATE_NONE};
    return shown(p, &m);
}

uint32_t schedules_on_date(const struct program *p, uint32_t date, unsigned minute)
{
    const struct moment m = {.day = date_weekday(date), .minute = minute % DAY_MINUTES, .date = date};
    return shown(p, &m);
}

const char *schedules_unknown_zone(const struct program *p)
{
    for (uint32_t i = 0; i < p->schedules_count; i++) {
        const char *zone = program_str(p, p->schedules[i].zone);
        if (*zone && !zone_known(zone)) return zone;
    }
    return NULL;
}
