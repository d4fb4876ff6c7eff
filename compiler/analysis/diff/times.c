/* Schedules of two programs, as parts of one week. The week falls into moments: all minutes at which the same schedules
 * of both are active. They exclude each other and one of them always is, so what two schedules have in common, and what
 * one has alone, are sets of moments: a rule that holds longer has changed in the hours that were added, and in no
 * other.
 *
 * Clocks of different zones show any two times together, and many schedules make many moments. Then each is a bit of
 * its own, as they are in a program, and all are taken to be independent. */
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "runtime/schedule/schedule.h"
#include "lang/heap.h"

enum { SCHEDULES_MAX = 32, DAY_MINUTES = 24 * 60, DAYS = 7 }; /* SCHEDULES_MAX: bits of IR_DURING */

static const char *str(const struct side *s, uint32_t offset) { return program_str(s->program, offset); }

static bool same_schedule(const struct side *a, const struct pbc_schedule *x, const struct side *b,
                          const struct pbc_schedule *y)
{
    return x->count == y->count && strcmp(str(a, x->zone), str(b, y->zone)) == 0 &&
           (x->count == 0 || memcmp(a->program->spans + x->first, b->program->spans + y->first,
                                    x->count * sizeof(*a->program->spans)) == 0);
}

/* Of those before it, on either side, the one with equal times: they are one schedule, whatever its name. */
static uint32_t equal_schedule(const struct diff *d, const struct side *s, uint32_t i)
{
    for (const struct side *before = d->side; before <= s; before++)
        for (uint32_t k = 0; k < (before == s ? i : before->program->schedules_count); k++)
            if (same_schedule(s, &s->program->schedules[i], before, &before->program->schedules[k]))
                return before->schedules[k];
    return 0;
}

/* What a schedule is called beside those before it: two of one name and other times are told apart. */
static uint32_t own_name(struct diff *d, const char *name)
{
    struct image *img = d->c.image;
    char text[128];

    for (uint32_t i = 0; i < img->schedules_count; i++) {
        if (strcmp(image_str(img, img->schedules[i].name), name)) continue;
        int len = snprintf(text, sizeof(text), "%.100s (old)", name);
        img->schedules[i].name = image_string(img, text, (size_t)len);
        len = snprintf(text, sizeof(text), "%.100s (new)", name);
        return image_string(img, text, (size_t)len);
    }
    return image_string(img, name, strlen(name));
}

static bool import_independent(struct diff *d, struct side *s)
{
    struct image *img = d->c.image;

    for (uint32_t i = 0; i < s->program->schedules_count; i++) {
        s->schedules[i] = equal_schedule(d, s, i);
        if (s->schedules[i]) continue;
        if (img->schedules_count == SCHEDULES_MAX)
            return diff_fail(d, "both together have more than %d schedules", SCHEDULES_MAX);
        s->schedules[i] = 1u << img->schedules_count;
        const uint32_t name = own_name(d, str(s, s->program->schedules[i].name));
        img->schedules[img->schedules_count++] = (struct pbc_schedule){.name = name};
    }
    return true;
}

static bool one_zone(const struct diff *d)
{
    const char *zone = NULL;

    for (const struct side *s = d->side; s < d->side + SIDES; s++)
        for (uint32_t i = 0; i < s->program->schedules_count; i++) {
            const char *own = str(s, s->program->schedules[i].zone);
            if (zone && strcmp(zone, own)) return false;
            zone = own;
        }
    return zone != NULL;
}

/* The moments of the week, in the order in which they begin; false: too many. */
static bool find_moments(struct diff *d)
{
    uint32_t active[MOMENTS_MAX][SIDES];

    d->moment_at = arena_alloc(d->c.arena, WEEK_MINUTES);
    for (unsigned minute = 0; minute < WEEK_MINUTES; minute++) {
        uint32_t now[SIDES], m = 0;

        for (unsigned s = 0; s < SIDES; s++)
            now[s] = schedules_on(d->side[s].program, minute / DAY_MINUTES, minute % DAY_MINUTES);
        while (m < d->moments && memcmp(active[m], now, sizeof(now)) != 0) m++;
        if (m == MOMENTS_MAX) return false;
        d->moment_at[minute] = (uint8_t)m;
        d->moment_share[m] += 1.0 / WEEK_MINUTES;
        if (m < d->moments) continue;
        memcpy(active[d->moments++], now, sizeof(now));
        for (unsigned s = 0; s < SIDES; s++)
            for (uint32_t i = 0; i < d->side[s].program->schedules_count; i++)
                if (now[s] >> i & 1) d->side[s].schedules[i] |= 1u << m;
    }
    return true;
}

bool import_schedules(struct diff *d)
{
    struct image *img = d->c.image;

    free(img->schedules);
    img->schedules = heap_zeroed(SCHEDULES_MAX, sizeof(*img->schedules));
    img->schedules_cap = SCHEDULES_MAX;
    for (struct side *s = d->side; s < d->side + SIDES; s++)
        s->schedules = arena_alloc(d->c.arena, (s->program->schedules_count + 1) * sizeof(*s->schedules));
    if (one_zone(d) && find_moments(d)) return true;
    d->moments = 0;
    for (struct side *s = d->side; s < d->side + SIDES; s++)
        if (!import_independent(d, s)) return false;
    return true;
}

/* In print -----------------------------------------------------------------------------------------------------------
 */

/* A schedule that is just these moments, if its name means nothing else on the other side. */
static const char *name_of(const struct diff *d, uint32_t moments)
{
    for (unsigned s = SIDES; s-- > 0;)
        for (uint32_t i = 0; i < d->side[s].program->schedules_count; i++) {
            const struct side *other = &d->side[!s];
            const char *name = str(&d->side[s], d->side[s].program->schedules[i].name);
            bool clear = d->side[s].schedules[i] == moments;

            for (uint32_t k = 0; k < other->program->schedules_count && clear; k++)
                clear = strcmp(name, str(other, other->program->schedules[k].name)) || other->schedules[k] == moments;
            if (clear) return name;
        }
    return NULL;
}

static bool holds(const struct diff *d, uint32_t moments, unsigned day, unsigned minute)
{
    return moments >> d->moment_at[day * DAY_MINUTES + minute] & 1;
}

static bool same_hours(const struct diff *d, uint32_t moments, unsigned a, unsigned b)
{
    for (unsigned minute = 0; minute < DAY_MINUTES; minute++)
        if (holds(d, moments, a, minute) != holds(d, moments, b, minute)) return false;
    return true;
}

/* "08:00-12:00, 13:00-18:00", behind a blank if something stands before it; nothing of a whole day. False: none at all.
 */
static bool print_hours(const struct diff *d, uint32_t moments, unsigned day, bool behind, FILE *out)
{
    unsigned end, hours = 0;

    for (unsigned from = 0; from < DAY_MINUTES; from = end) {
        for (end = from; end < DAY_MINUTES && holds(d, moments, day, end) == holds(d, moments, day, from);) end++;
        if (!holds(d, moments, day, from)) continue;
        hours++;
        if (out && (from || end < DAY_MINUTES))
            fprintf(out, "%s%02u:%02u-%02u:%02u",
                    hours > 1 ? ", "
                    : behind  ? " "
                              : "",
                    from / 60, from % 60, end / 60, end % 60);
    }
    return hours;
}

void print_moments(const struct diff *d, uint32_t moments, FILE *out)
{
    static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    const char *name = name_of(d, moments), *before = "at ";
    unsigned next;

    if (name) {
        fputs("during ", out);
        print_name(name, out);
        return;
    }
    name = name_of(d, ((1u << d->moments) - 1) & ~moments);
    if (name) {
        fputs("not during ", out);
        print_name(name, out);
        return;
    }
    for (unsigned day = 0; day < DAYS; day = next) {
        for (next = day + 1; next < DAYS && same_hours(d, moments, day, next);) next++;
        if (!print_hours(d, moments, day, false, NULL)) continue;
        const bool daily = next - day == DAYS;
        fputs(before, out);
        if (!daily) fputs(days[day], out);
        if (!daily && next - day > 1) fprintf(out, "-%s", days[next - 1]);
        print_hours(d, moments, day, !daily, out);
        before = " and ";
    }
}
