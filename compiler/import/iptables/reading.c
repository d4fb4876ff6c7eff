/* Values and choices of a rule (reading.h) */
#include "compiler/import/iptables/reading.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool reading_fault(struct reading *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->fault->text, sizeof(r->fault->text), fmt, ap);
    va_end(ap);
    return false;
}

static bool whole_number(const char *text, size_t len, uint64_t most, uint64_t *n)
{
    char digits[24], *end;
    if (!len || len >= sizeof(digits) || *text < '0' || *text > '9') return false;
    memcpy(digits, text, len);
    digits[len] = '\0';
    errno = 0;
    *n = strtoull(digits, &end, digits[0] == '0' && (digits[1] | 32) == 'x' ? 16 : 10);
    return !*end && !errno && *n <= most;
}

bool reading_number(struct reading *r, const char *text, uint64_t most, const char *what, uint64_t *n)
{
    if (whole_number(text, strlen(text), most, n)) return true;
    return reading_fault(r, "`%.60s` isn't a %s", text, what);
}

bool reading_range(struct reading *r, const char *text, uint64_t most, const char *what, uint64_t *lo, uint64_t *hi)
{
    const char *colon = strchr(text, ':');
    *lo = 0;
    *hi = most;
    if (!colon) {
        if (!reading_number(r, text, most, what, lo)) return false;
        *hi = *lo;
        return true;
    }
    if ((colon != text && !whole_number(text, (size_t)(colon - text), most, lo)) ||
        (colon[1] && !whole_number(colon + 1, strlen(colon + 1), most, hi)) || *lo > *hi)
        return reading_fault(r, "`%.60s` isn't a range of %ss", text, what);
    return true;
}

bool reading_rate(struct reading *r, const char *text, uint64_t *rate, uint32_t *unit)
{
    static const struct {
        const char *name;
        uint32_t seconds;
    } units[] = {{"second", 1}, {"minute", 60}, {"hour", 3600}, {"day", 86400}};
    const size_t digits = strcspn(text, "/");
    const char *name = text[digits] ? text + digits + 1 : "second";
    if (!whole_number(text, digits, 1000000000, rate) || !*rate || !*name)
        return reading_fault(r, "`%.60s` isn't a rate", text);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (!strncasecmp(name, units[i].name, strlen(name))) {
            *unit = units[i].seconds;
            return true;
        }
    return reading_fault(r, "`%.60s` isn't a rate", text);
}

void reading_want(struct reading *r, enum about about, struct list l) { rule_want(r->s, &r->rule, about, l); }

struct choice *reading_choice(struct reading *r)
{
    if (r->choice_count < CHOICES_MOST) return &r->choices[r->choice_count++];
    rule_unsaid(&r->rule, "the rule has too many alternatives");
    return NULL;
}

struct alternative *choice_next(struct choice *c) { return &c->of[c->count++]; }

void alternative_want(struct alternative *a, enum about about, struct list l)
{
    a->wants[a->count++] = (struct wanted){about, l};
}

bool take_nothing(struct reading *r, const struct option *o, const char *const *values) { return true; }

bool take_range(struct reading *r, const struct option *o, const char *const *values)
{
    struct list l = {.negated = r->inverted};
    uint64_t lo, hi;
    if (!reading_range(r, values[0], o->most, o->noun, &lo, &hi)) return false;
    list_number(&l, lo, hi, r->s->arena);
    reading_want(r, o->about, l);
    return true;
}

bool take_text(struct reading *r, const struct option *o, const char *const *values)
{
    *(const char **)((char *)r + o->into) = import_format(r->s, "%s", values[0]);
    return true;
}

bool take_flag(struct reading *r, const struct option *o, const char *const *values)
{
    return *(bool *)((char *)r + o->into) = true;
}
