/* Schedules of two programs as sets of moments (analysis/times.h). Moments exclude each other, and one of them
 * always holds; so the common and the separate times of two schedules are sets of moments, and a rule that holds
 * longer has changed in the added hours only.
 *
 * Many schedules make too many moments. Then each schedule is a separate bit, as in a program, and the results are
 * compared with the weeks at the end. Packets of a time that never comes do not count as a change. */
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "lang/heap.h"

enum { DAYS = 7 };

static const char *str(const struct side *s, uint32_t offset) { return program_str(s->program, offset); }

static bool same_schedule(const struct side *a, const struct pbc_schedule *x, const struct side *b,
                          const struct pbc_schedule *y)
{
    return x->count == y->count && strcmp(str(a, x->zone), str(b, y->zone)) == 0 &&
           (x->count == 0 || memcmp(a->program->spans + x->first, b->program->spans + y->first,
                                    x->count * sizeof(*a->program->spans)) == 0);
}

/* Return the bits of an earlier schedule with equal times, of either side: it is the same schedule, whatever its name.
 * 0: none. */
static uint32_t equal_schedule(const struct diff *d, const struct side *s, uint32_t i)
{
    for (const struct side *before = d->side; before <= s; before++)
        for (uint32_t k = 0; k < (before == s ? i : before->program->schedules_count); k++)
            if (same_schedule(s, &s->program->schedules[i], before, &before->program->schedules[k]))
                return before->schedules[k];
    return 0;
}

/* Return a name for a schedule. Two schedules with one name and different times get "(old)" and "(new)". */
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
            return diff_fail(d, "both files together have more than %d schedules", SCHEDULES_MAX);
        s->schedules[i] = 1u << img->schedules_count;
        const uint32_t name = own_name(d, str(s, s->program->schedules[i].name));
        img->schedules[img->schedules_count++] = (struct pbc_schedule){.name = name};
    }
    return true;
}

/* Make each schedule the set of moments at which it is active. False: too many moments. A week has at most WEEK_MINUTES
 * of them, so the weeks are complete either way. */
static bool import_moments(struct diff *d)
{
    const struct program *const programs[SIDES] = {d->side[OLD].program, d->side[NEW].program};
    times_find(d->c.arena, programs, SIDES, WEEK_MINUTES, &d->times);
    if (d->times.count > MOMENTS_MAX || !d->times.week_count) return false;
    d->moments = d->times.count;
    for (uint32_t m = 0; m < d->moments; m++) {
        d->moment_share[m] = times_share(&d->times, m);
        for (unsigned s = 0; s < SIDES; s++)
            for (uint32_t i = 0; i < programs[s]->schedules_count; i++)
                if (times_active(&d->times, m, s) >> i & 1) d->side[s].schedules[i] |= 1u << m;
    }
    return true;
}

uint32_t schedules_of_both(const struct side *s, uint32_t own)
{
    uint32_t bits = 0;
    for (; own; own &= own - 1) bits |= s->schedules[__builtin_ctz(own)];
    return bits;
}

uint32_t side_schedules(const struct side *s, uint32_t of_both)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < s->program->schedules_count; i++)
        if (of_both & s->schedules[i]) bits |= 1u << i;
    return bits;
}

static uint32_t active_at(const struct diff *d, const struct week *w, uint32_t moment)
{
    return schedules_of_both(&d->side[OLD], w->active[moment][OLD]) |
           schedules_of_both(&d->side[NEW], w->active[moment][NEW]);
}

/* Find schedules that are active whenever another of their zone is. */
static void find_longer(struct diff *d)
{
    for (uint32_t i = 0; i < SCHEDULES_MAX; i++) d->longer[i] = 1u << i;
    for (const struct week *w = d->times.weeks; w < d->times.weeks + d->times.week_count; w++) {
        uint32_t seen = 0;
        for (uint32_t m = 0; m < w->count; m++) {
            const uint32_t active = active_at(d, w, m);
            for (uint32_t left = active; left; left &= left - 1) {
                const unsigned i = (unsigned)__builtin_ctz(left);
                d->longer[i] = seen >> i & 1 ? d->longer[i] & active : active;
            }
            seen |= active;
        }
    }
}

bool import_schedules(struct diff *d)
{
    struct image *img = d->c.image;
    free(img->schedules);
    img->schedules = heap_zeroed(SCHEDULES_MAX, sizeof(*img->schedules));
    img->schedules_cap = SCHEDULES_MAX;
    for (struct side *s = d->side; s < d->side + SIDES; s++)
        s->schedules = arena_alloc(d->c.arena, (s->program->schedules_count + 1) * sizeof(*s->schedules));
    if (import_moments(d)) return true;
    for (struct side *s = d->side; s < d->side + SIDES; s++)
        if (!import_independent(d, s)) return false;
    find_longer(d);
    return true;
}

/* Find a moment of the week at which none of `outside` is active, and one of `during` if possible. False if none
 * exists. */
static bool moment_in(const struct diff *d, const struct week *w, uint32_t during, uint32_t outside, uint32_t *active)
{
    bool found = false;
    for (uint32_t m = 0; m < w->count; m++) {
        const uint32_t bits = active_at(d, w, m);
        if (bits & outside || (found && !(bits & during))) continue;
        *active = bits;
        found = true;
        if (bits & during) break;
    }
    return found;
}

bool time_of(const struct diff *d, const struct ir_product *p, uint32_t *active)
{
    const uint32_t during = p->field[IR_DURING], outside = p->field[IR_NOT_DURING];
    *active = d->moments ? during ? during & -during : 1 : 0;
    if (d->moments || !(during | outside)) return true;
    for (const struct week *w = d->times.weeks; w < d->times.weeks + d->times.week_count; w++) {
        uint32_t here = 0;
        if (!moment_in(d, w, during, outside, &here)) return false;
        *active |= here;
    }
    return !during || *active & during;
}

/* Printing --------------------------------------------------------------------------------------------------------- */

/* Return the name of a schedule with exactly these moments, if the name means nothing else on the other side. */
static const char *moments_name(const struct diff *d, uint32_t moments)
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

/* Moments of one zone's week, as bits */
struct part {
    const struct week *week;
    uint32_t moments;
};

static bool part_holds(struct part p, unsigned day, unsigned minute)
{
    return p.moments >> p.week->at[day * DAY_MINUTES + minute] & 1;
}

static bool same_hours(struct part p, unsigned a, unsigned b)
{
    for (unsigned minute = 0; minute < DAY_MINUTES; minute++)
        if (part_holds(p, a, minute) != part_holds(p, b, minute)) return false;
    return true;
}

/* Print "08:00-12:00, 13:00-18:00", after a blank if `behind`, and nothing for a whole day. False: no hours. */
static bool print_hours(struct part p, unsigned day, bool behind, FILE *out)
{
    unsigned end, hours = 0;
    for (unsigned from = 0; from < DAY_MINUTES; from = end) {
        for (end = from; end < DAY_MINUTES && part_holds(p, day, end) == part_holds(p, day, from);) end++;
        if (!part_holds(p, day, from)) continue;
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

/* Print "at mon-fri 08:00-18:00 and sat". */
static void print_days(struct part p, FILE *out)
{
    static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    const char *before = "at ";
    unsigned next;
    for (unsigned day = 0; day < DAYS; day = next) {
        for (next = day + 1; next < DAYS && same_hours(p, day, next);) next++;
        if (!print_hours(p, day, false, NULL)) continue;
        const bool daily = next - day == DAYS;
        fputs(before, out);
        if (!daily) fputs(days[day], out);
        if (!daily && next - day > 1) fprintf(out, "-%s", days[next - 1]);
        print_hours(p, day, !daily, out);
        before = " and ";
    }
}

/* Return all moments that are in the part, in its week. */
static uint32_t wherever(const struct diff *d, struct part p)
{
    uint32_t below = 1, moments = 0;
    for (const struct week *w = d->times.weeks; w < p.week; w++) below *= w->count;
    for (uint32_t m = 0; m < d->moments; m++)
        if (p.moments >> (m / below) % p.week->count & 1) moments |= 1u << m;
    return moments;
}

static uint32_t all_of(uint32_t count) { return (uint32_t)((UINT64_C(1) << count) - 1); }

/* True if some of the part's moments occur only on dates; true if some occur in every week (second function). */
static bool holds_dates(struct part p)
{
    for (uint32_t m = 0; m < p.week->count; m++)
        if (p.moments >> m & 1 && !p.week->minutes[m]) return true;
    return false;
}

static bool is_weekly(struct part p)
{
    for (uint32_t m = 0; m < p.week->count; m++)
        if (p.moments >> m & 1 && p.week->minutes[m]) return true;
    return false;
}

static void print_part(const struct diff *d, struct part p, FILE *out)
{
    const uint32_t moments = wherever(d, p);
    const char *name = moments_name(d, moments);
    const char *negated = name ? NULL : moments_name(d, all_of(d->moments) & ~moments);
    if (name || negated) {
        fputs(name ? "during " : "not during ", out);
        put_name(name ? name : negated, out);
        return;
    }
    print_days(p, out);
    if (holds_dates(p)) fputs(is_weekly(p) ? " and on some dates" : "on some dates", out);
    if (d->times.week_count == 1) return;
    fputs(" (", out);
    put_name(*p.week->zone ? p.week->zone : "UTC", out);
    fputc(')', out);
}

/* Print moments of the first `weeks` weeks. Moments of the last of these weeks are printed together if they come with
 * the same moments of the others. */
static void print_weeks(const struct diff *d, uint32_t moments, uint32_t weeks, FILE *out)
{
    const struct week *w = &d->times.weeks[weeks - 1];
    uint32_t below = 1, done = 0;
    const char *before = "";
    for (uint32_t i = 0; i + 1 < weeks; i++) below *= d->times.weeks[i].count;
    for (uint32_t i = 0; i < w->count; i++) {
        const uint32_t rest = moments >> i * below & all_of(below);
        struct part p = {w, 0};
        if (!rest || done >> i & 1) continue;
        for (uint32_t k = i; k < w->count; k++)
            if ((moments >> k * below & all_of(below)) == rest) p.moments |= 1u << k;
        done |= p.moments;
        fputs(before, out);
        before = " or ";
        const bool some = p.moments != all_of(w->count), both = some && rest != all_of(below);
        if (rest != all_of(below)) print_weeks(d, rest, weeks - 1, out);
        if (both) fputs(" and ", out);
        if (some) print_part(d, p, out);
    }
}

void print_moments(const void *arg, uint32_t moments, FILE *out)
{
    const struct diff *d = arg;
    const char *name = moments_name(d, moments);
    const char *negated = name ? NULL : moments_name(d, all_of(d->moments) & ~moments);
    if (!name && !negated) {
        print_weeks(d, moments, d->times.week_count, out);
        return;
    }
    fputs(name ? "during " : "not during ", out);
    put_name(name ? name : negated, out);
}
