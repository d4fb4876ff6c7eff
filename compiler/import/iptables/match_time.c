/* The match `time`: hours and days as a schedule. Both clocks are UTC: iptables', and that of a schedule without a
 * zone. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "compiler/import/iptables/reading.h"

enum { DAY = 24 * 60 * 60 };

static bool begin_time(struct reading *r, const struct module *m)
{
    if (r->hours.asked) rule_unsaid(&r->rule, "the rule has hours twice");
    r->hours = (struct hours){.end = DAY, .asked = true};
    return true;
}

/* Read HH:MM or HH:MM:SS as seconds. */
static bool take_clock(struct reading *r, const char *text, uint64_t *seconds)
{
    unsigned hour, minute, second = 0;
    char rest;
    const int got = sscanf(text, "%2u:%2u:%2u%c", &hour, &minute, &second, &rest);
    if ((got != 2 && got != 3) || strspn(text, "0123456789:") != strlen(text) || hour > 23 || minute > 59 ||
        second > 59)
        return reading_fault(r, "`%.60s` isn't a time of day", text);
    *seconds = (hour * 60 + minute) * 60 + second;
    r->hours.bounded = true;
    return true;
}

static bool take_begin(struct reading *r, const struct option *o, const char *const *v)
{
    return take_clock(r, v[0], &r->hours.begin);
}
static bool take_end(struct reading *r, const struct option *o, const char *const *v)
{
    if (!take_clock(r, v[0], &r->hours.end)) return false;
    if (r->hours.end == DAY - 1) r->hours.end = DAY;
    return true;
}

static bool take_days(struct reading *r, const struct option *o, const char *const *v)
{
    static const char *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    char said[64] = "";
    unsigned days = 0;
    for (const char *at = v[0]; *at; at += strcspn(at, ","), at += *at == ',') {
        const size_t len = strcspn(at, ",");
        unsigned day = *at >= '1' && *at <= '7' && len == 1 ? 1u << (*at - '1') : 0;
        for (unsigned i = 0; i < 7; i++)
            if (len >= 2 && !strncasecmp(at, names[i], len < 3 ? len : 3)) day = 1u << i;
        if (!day) return reading_fault(r, "`%.60s` aren't days of the week", v[0]);
        days |= day;
    }
    if (r->inverted) days = ~days & 127;
    for (unsigned i = 0; i < 7; i++)
        if (days & 1u << i)
            snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s%s", *said ? ", " : "", names[i]);
    r->rule.never |= !days;
    r->hours.days = import_format(r->s, "%s", said);
    return true;
}

/* Take the last date. Without one, a listing shows the last second of the kernel's clock, 2038-01-19. */
static bool take_last_date(struct reading *r, const struct option *o, const char *const *v)
{
    if (strncmp(v[0], "2038-01-19", 10) != 0)
        rule_unsaid(&r->rule, "dates aren't imported: write a `schedule`, and `during NAME` in the rule");
    return true;
}

static const struct option of_time[] = {
    {"--timestart", 1, .take = take_begin},
    {"--timestop", 1, .take = take_end},
    {"--weekdays", 1, .take = take_days},
    {"--monthdays", .values = 1},
    {"--datestart", .values = 1},
    {"--datestop", 1, .take = take_last_date},
    {"--utc", 0, .take = take_nothing},
    {"--contiguous", 0, .take = take_flag, .into = offsetof(struct reading, hours.over_midnight)},
    {.name = "--kerneltz"},
    {.name = "--localtz"},
    {0},
};

const struct module matches_of_time[] = {{"time", .options = of_time, .begin = begin_time}, {0}};

void hours_finish(struct reading *r)
{
    const struct hours *h = &r->hours;
    struct list l = {0};
    char hours[32] = "00:00-24:00";
    if (!h->asked || r->rule.unsaid || (!h->bounded && !h->days)) return;
    if (h->begin % 60 || h->end % 60) {
        rule_unsaid(&r->rule, "prey's hours begin and end at whole minutes");
        return;
    }
    if (h->begin >= h->end && h->days && !h->over_midnight) {
        rule_unsaid(&r->rule, "the hours run past midnight, and the hours after midnight belong to the next day");
        return;
    }
    if (h->begin == h->end) {
        rule_unsaid(&r->rule, "the hours begin and end at the same time");
        return;
    }
    if (h->bounded)
        snprintf(hours, sizeof(hours), "%02u:%02u-%02u:%02u", (unsigned)(h->begin / 3600),
                 (unsigned)(h->begin / 60 % 60), (unsigned)(h->end / 3600), (unsigned)(h->end / 60 % 60));
    const char *said = import_format(r->s, "%s%s%s", h->days ? h->days : "", h->days ? " " : "", hours);
    list_word(&l, said, strlen(said), r->s->arena);
    reading_want(r, ASK_DURING, l);
}
