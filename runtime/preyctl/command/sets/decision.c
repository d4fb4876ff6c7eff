/* Decisions as CrowdSec's custom bouncer writes them on standard input, one JSON object each: {"action": "add",
 * "value": "198.51.100.7", "scope": "Ip", "type": "ban", "duration": "3h59m57.1s", …}. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/preyctl/command/sets/changes.h"

static const char *member_text(const cJSON *o, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));
    return text ? text : "";
}

/* Read a duration of Go (time.Duration.String), in ms; negative if it has expired. False if the text isn't one. */
static bool go_duration(const char *s, double *ms)
{
    static const struct {
        const char *word;
        double ms;
    } units[] = {{"ns", 1e-6}, {"us", 1e-3}, {"\xc2\xb5s", 1e-3}, {"ms", 1}, {"h", 3600e3}, {"m", 60e3}, {"s", 1e3}};
    const bool past = *s == '-';
    double sum = 0;
    s += past || *s == '+';
    if (!*s) return false;
    while (*s) {
        char *end;
        const double n = (*s >= '0' && *s <= '9') || *s == '.' ? strtod(s, &end) : NAN;
        unsigned i = 0;
        if (!(n >= 0 && n < 1e12)) return false;
        while (i < sizeof units / sizeof units[0] && strncmp(end, units[i].word, strlen(units[i].word)) != 0) i++;
        if (i == sizeof units / sizeof units[0]) return false;
        sum += n * units[i].ms;
        s = end + strlen(units[i].word);
    }
    *ms = past ? -sum : sum;
    return true;
}

static bool take(const cJSON *o, struct member_record *r, char *why, size_t why_len)
{
    const char *action = member_text(o, "action"), *value = member_text(o, "value"), *scope = member_text(o, "scope");
    const bool add = !strcmp(action, "add");
    double ms;
    if (!add && strcmp(action, "del") != 0) {
        snprintf(why, why_len, "the `action` is neither `add` nor `del`");
        return false;
    }
    if (strcasecmp(scope, "ip") != 0 && strcasecmp(scope, "range") != 0) {
        snprintf(why, why_len, "the scope is `%.40s`, but must be `Ip` or `Range`", scope);
        return false;
    }
    if (strcmp(member_text(o, "type"), "ban") != 0) {
        snprintf(why, why_len, "the type is `%.40s`, but must be `ban`", member_text(o, "type"));
        return false;
    }
    if (!member_read(value, strlen(value), r, why, why_len)) return false;
    if (!go_duration(member_text(o, "duration"), &ms)) {
        snprintf(why, why_len, "the `duration` must be written as 3h59m57s");
        return false;
    }
    r->does = add && ms > 0 ? MEMBER_ADD : MEMBER_REMOVE;
    r->ms = r->does == MEMBER_REMOVE ? 0 : ms < MEMBER_MS_MOST ? (uint64_t)ceil(ms) : MEMBER_MS_MOST;
    return true;
}

bool decision_read(const char *text, size_t len, struct member_record *r, char *why, size_t why_len)
{
    cJSON *o = cJSON_ParseWithLength(text, len);
    const bool good = cJSON_IsObject(o) && take(o, r, why, why_len);
    if (!cJSON_IsObject(o)) snprintf(why, why_len, "the line isn't a JSON object");
    cJSON_Delete(o);
    return good;
}
