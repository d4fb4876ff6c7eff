/* Schedules: days and hours as spans, and the condition `during` */
#include <string.h>

#include "compiler/resolve/conditions/conditions.h"
#include "runtime/schedule/schedule.h"

enum { DAY_MINUTES = 24 * 60, EVERY_DAY = 127, SPANS_MOST = 1 << 12 };

static const char *const day_names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL};

int weekday_of(struct compile *c, const struct node *at, const char *word, size_t len)
{
    const char *const text = arena_strndup(c->arena, word, len);
    for (int d = 0; day_names[d]; d++)
        if (strcmp(day_names[d], text) == 0) return d;
    const uint32_t start = at->span.start + (uint32_t)(word - at->v.str.s);
    diag(c->diags, E_NO_SUCH_WORD, at->span, "no day of the week is called `%s`", text);
    const char *nearest = NULL;
    for (int d = 0; day_names[d] && len > 3; d++) /* long names, such as "monday" */
        if (strncmp(day_names[d], text, 3) == 0) nearest = day_names[d];
    if (!nearest) nearest = diag_nearest(text, day_names, 7);
    if (nearest)
        diag_guess(c->diags, (struct span){at->span.file, start, start + (uint32_t)len}, "%s", nearest);
    else
        diag_advise(c->diags, "days are mon, tue, wed, thu, fri, sat, sun");
    return -1;
}

/* Read `mon` or `mon-fri`; a range may run over Sunday. 0 after a report. */
static uint8_t days_of(struct compile *c, const struct node *name)
{
    const struct str s = name->v.str;
    const char *dash = memchr(s.s, '-', s.len);
    const int first = weekday_of(c, name, s.s, dash ? (size_t)(dash - s.s) : s.len);
    int last = first;
    uint8_t days = 0;
    if (dash && first >= 0) last = weekday_of(c, name, dash + 1, s.len - (size_t)(dash + 1 - s.s));
    if (first < 0 || last < 0) return 0;
    for (int d = first;; d = (d + 1) % 7) {
        days |= (uint8_t)(1u << d);
        if (d == last) return days;
    }
}

static bool hours_of(struct compile *c, const struct node *range, struct pbc_span *span)
{
    const uint64_t from = range->first->v.i, to = range->last->v.i;
    if (from == DAY_MINUTES || from == to) {
        diag(c->diags, E_SCHEDULE_HOURS, range->span,
             from == to ? "these hours begin and end at the same time"
                        : "hours can't begin at 24:00, the end of a day");
        diag_advise(c->diags, from == to ? "to match all day, write 00:00-24:00" : "the next day begins at 00:00");
        return false;
    }
    span->from = (uint16_t)from;
    span->to = (uint16_t)(to ? to : DAY_MINUTES); /* 00:00 as an end is midnight */
    return true;
}

static bool span_add(struct compile *c, const struct node *at, const struct pbc_span *span)
{
    struct pbc_span *slot = image_add_spans(c->image);
    if (slot)
        *slot = *span;
    else
        report_full(c, at->span, "spans in schedules", SPANS_MOST);
    return slot != NULL;
}

/* Read `2026-12-24 18:00 - 2026-12-27`. The last day counts up to the time behind it, or as a whole. */
static bool dates_of(struct compile *c, const struct node *n, struct pbc_span *span)
{
    const struct node *first = n->first, *next = first->next;
    const struct node *from = next && next->kind == N_TIME ? next : NULL, *last = from ? from->next : next;
    *span = (struct pbc_span){.to = DAY_MINUTES, .first = (uint32_t)first->v.i, .last = (uint32_t)first->v.i};
    if (last && last->kind == N_TIME_RANGE) {
        if (!hours_of(c, last, span)) return false;
    } else if (last) {
        span->last = (uint32_t)last->v.i;
        span->from = from ? (uint16_t)from->v.i : 0;
        if (last->next) span->to = (uint16_t)last->next->v.i;
    }
    if (span->from < DAY_MINUTES &&
        (span->first < span->last || (span->first == span->last && span->from < span->to))) {
        if (!span->to) span->last--, span->to = DAY_MINUTES;
        return true;
    }
    diag(c->diags, E_SCHEDULE_HOURS, n->span, "these dates must end later than they begin");
    return false;
}

/* Return the hours of the next span that has some; days without hours share them. */
static const struct node *hours_after(const struct node *days)
{
    for (; days && days->kind == N_DAYS; days = days->next)
        if (node_child(days, N_TIME_RANGE)) return node_child(days, N_TIME_RANGE);
    return NULL;
}

/* Read `mon, wed 09:00-10:00, 11:00-12:00`. Days without hours take the next hours; hours without days hold for the
 * days before them, and for all days at the beginning. */
static bool spans_of(struct compile *c, const struct node *schedule)
{
    uint8_t group = EVERY_DAY; /* days for the hours being read */
    bool good = true, open = false;
    node_each(n, schedule)
    {
        struct pbc_span dates;
        if (n->kind == N_DATES) good = dates_of(c, n, &dates) && span_add(c, n, &dates) && good;
        if (n->kind != N_DAYS) continue;
        const struct node *name = node_child(n, N_NAME), *hours = hours_after(n);
        struct pbc_span span = {.to = DAY_MINUTES};
        if (name) span.days = days_of(c, name);
        if (name) group = open ? group | span.days : span.days;
        if (!name) span.days = group;
        open = !node_child(n, N_TIME_RANGE);
        good = span.days && (!hours || hours_of(c, hours, &span)) && span_add(c, n, &span) && good;
    }
    return good;
}

/* Find a zone by its last part: "Europe/Paris" for "Paris". */
static const char *zone_by_city(char *const *zones, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        const char *slash = strrchr(zones[i], '/');
        if (slash && strcasecmp(slash + 1, name) == 0) return zones[i];
    }
    return NULL;
}

static bool check_zone(struct compile *c, const struct node *text)
{
    const char *name = text->v.str.s;
    size_t n;
    if (strlen(name) == text->v.str.len && (strcmp(name, "UTC") == 0 || zone_known(name))) return true;
    diag(c->diags, E_SCHEDULE_ZONE, text->span, "no time zone is called \"%s\"", name);
    char **zones = zones_list(&n);
    const char *nearest = zone_by_city(zones, n, name);
    if (!nearest && strlen(name) < 64) nearest = diag_nearest(name, (const char *const *)zones, n);
    if (nearest)
        diag_guess(c->diags, SPAN_NONE, "\"%s\"", nearest);
    else if (n == 0)
        diag_advise(c->diags, "this machine has only the zone UTC: install the package tzdata");
    zones_free(zones, n);
    return false;
}

void schedule_declare(struct compile *c, struct symbol *s)
{
    struct image *img = c->image;
    struct pbc_schedule schedule = {
        .name = text_of(c, s->name), .place = place_of(c, s->span), .first = img->spans_count};
    const struct node *zone = node_child(s->decl, N_CLAUSE);
    s->index = PBC_NONE;
    const bool good = spans_of(c, s->decl);
    if ((zone && !check_zone(c, zone->first)) || !good) return;
    if (zone && strcmp(zone->first->v.str.s, "UTC") != 0) schedule.zone = text_of(c, zone->first->v.str);
    schedule.count = img->spans_count - schedule.first;
    struct pbc_schedule *slot = image_add_schedules(img);
    if (!slot) {
        report_full(c, s->span, "schedules", PBC_SCHEDULES_MAX);
        return;
    }
    *slot = schedule;
    s->index = img->schedules_count - 1;
}

void cond_during(struct rule_work *w, const struct node *n)
{
    uint32_t mask = 0;
    node_each(name, n)
    {
        const struct symbol *s = symbol_want(w->c, name, SYM(SCHEDULE), "schedule");
        if (s && s->index != PBC_NONE) mask |= 1u << s->index;
    }
    if (!mask) {
        w->bad = true;
        return;
    }
    struct pbc_cond *cond = cond_add(w, COND_DURING, n);
    if (cond) cond->arg = mask;
}
