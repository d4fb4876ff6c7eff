/* `replace` and `flush`: all members at once. All ranges are checked before anything changes */
#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/ctl/members.h"
#include "runtime/live/control/handed.h"
#include "runtime/live/control/sets/set_answers.h"
#include "runtime/report/json.h"
#include "runtime/report/text.h"

enum { GUEST_RANGES = 1 << 18 /* ranges that a guest may give, even to a smaller set */ };

typedef unsigned __int128 u128;

static u128 number_of(const struct member_range *r, const uint32_t a[4])
{
    if (!r->v6) return a[0];
    return (u128)((uint64_t)a[0] << 32 | a[1]) << 64 | ((uint64_t)a[2] << 32 | a[3]);
}

/* Ranges of a `replace` question, and the base that prey makes from them */
struct replacing {
    struct member_range *all;
    size_t count;
    struct pbc_range *r4;
    struct pbc_range6 *r6;
    struct live_base base;
};

static void replacing_fini(struct replacing *r)
{
    free(r->all);
    free(r->r4);
    free(r->r6);
}

/* True if the ranges are in order, and each is valid. */
static bool ranges_sound(const struct replacing *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct member_range *m = &r->all[i], *before = i ? m - 1 : NULL;
        const bool short4 = !m->v6 && (m->lo[1] | m->lo[2] | m->lo[3] | m->hi[1] | m->hi[2] | m->hi[3]);
        if (m->v6 > 1 || short4 || number_of(m, m->lo) > number_of(m, m->hi)) return false;
        if (before && before->v6 > m->v6) return false;
        if (before && before->v6 == m->v6 && number_of(before, before->lo) > number_of(m, m->lo)) return false;
    }
    return true;
}

/* Return the reason to refuse the range, or NULL. */
static const char *refusal(const struct member_target *t, const struct member_range *m, bool wide)
{
    const u128 more = number_of(m, m->hi) - number_of(m, m->lo);
    const unsigned bits = m->v6 ? 128 - MEMBER_WIDE6 : 32 - MEMBER_WIDE4;
    if (!wide && more >> bits)
        return m->v6 ? "the range has more addresses than a /16: to allow so wide a range, add --wide"
                     : "the range has more addresses than a /8: to allow so wide a range, add --wide";
    const enum live_refusal why = member_refuses(t, m->v6, m->lo, m->hi);
    return why == LIVE_NEVER     ? "`never` contains it, or a part of it"
           : why == LIVE_OUTSIDE ? "the set's `in` doesn't contain it"
                                 : NULL;
}

/* Join ranges that overlap or touch. False: out of memory. */
static bool base_make(struct replacing *r)
{
    r->r4 = calloc(r->count + 1, sizeof *r->r4);
    r->r6 = calloc(r->count + 1, sizeof *r->r6);
    if (!r->r4 || !r->r6) return false;
    struct live_base *b = &r->base;
    for (size_t i = 0; i < r->count;) {
        const struct member_range *first = &r->all[i];
        const u128 lo = number_of(first, first->lo);
        u128 hi = number_of(first, first->hi);
        const u128 last = first->v6 ? ~(u128)0 : UINT32_MAX;
        for (i++; i < r->count && r->all[i].v6 == first->v6; i++) {
            if (hi != last && number_of(first, r->all[i].lo) > hi + 1) break;
            const u128 end = number_of(first, r->all[i].hi);
            if (end > hi) hi = end;
        }
        if (first->v6)
            r->r6[b->count6++] =
                (struct pbc_range6){(uint64_t)(lo >> 64), (uint64_t)lo, (uint64_t)(hi >> 64), (uint64_t)hi};
        else
            r->r4[b->count4++] = (struct pbc_range){(uint32_t)lo, (uint32_t)hi};
    }
    b->r4 = r->r4;
    b->r6 = r->r6;
    return true;
}

/* Put the base in force, and report it. */
static void base_put(struct control *control, struct call *c, const struct member_target *t, const struct live_base *b,
                     const char *did, uint64_t given)
{
    char now[TEXT_NUMBER], before[TEXT_NUMBER], line[300];
    uint64_t were;
    if (!member_base_fits(t, b)) {
        call_end(c, 1,
                 "%s: the set's table in the kernel is too small for so many ranges: write a larger `size` for the set "
                 "in the rules; nothing has changed",
                 t->set->name);
        return;
    }
    if (!members_replace(control->rules, t, b, &were)) {
        call_end(c, 2, "%s: out of memory: nothing has changed", t->set->name);
        return;
    }
    t->set->replaced_ns = given ? clock_ns(CLOCK_REALTIME) : 0;
    t->set->replaced_by = call_uid(c);
    control->tell->changes++;
    snprintf(line, sizeof line, "%.100s %s by user %u: %s member%s, %s before", t->set->name, did,
             (unsigned)call_uid(c), text_number(given, now), text_plural(given), text_number(were, before));
    events_tell(&control->tell->events, TOLD_HAND, "sets: %s", line);
    cJSON *o = cJSON_CreateObject();
    json_text(o, "set", t->set->name);
    json_number(o, "members", given);
    json_number(o, "ranges", (uint64_t)b->count4 + b->count6);
    json_number(o, "before", were);
    call_document(c, o);
    cJSON_Delete(o);
    call_end(c, 0, "%s", line);
}

void sets_flush(struct control *control, struct call *c, const struct member_target *t)
{
    base_put(control, c, t, &(struct live_base){.count4 = 0}, "flushed", 0);
}

/* Refuse all ranges because of one. */
static void refuse(struct call *c, const struct member_target *t, const struct member_range *m, const char *why)
{
    cJSON *o = cJSON_CreateObject();
    json_number(o, "at", m->at);
    cJSON_AddStringToObject(o, "why", why);
    call_document(c, o);
    cJSON_Delete(o);
    t->set->refused++;
    call_end(c, 1, "%s: nothing has changed", t->set->name);
}

/* Return the limit on ranges. A guest's limit is that of the set's file. */
static size_t ranges_most(const struct call *c, const struct member_target *t)
{
    const size_t size = t->at[0].program->lives[t->at[0].live].size;
    if (!call_is_guest(c) || size > MEMBER_RANGES_MOST) return MEMBER_RANGES_MOST;
    return size < GUEST_RANGES ? GUEST_RANGES : size;
}

void sets_replace(struct control *control, struct call *c, const struct member_target *t)
{
    char err[300];
    size_t len = 0;
    const bool wide = call_is_true(c, "wide");
    struct replacing r = {.count = 0};
    r.all = handed_bytes(c, ranges_most(c, t) * sizeof *r.all, "the members", &len, err, sizeof err);
    r.count = len / sizeof *r.all;
    const char *why = NULL;
    size_t i = 0;
    if (!r.all) {
        call_end(c, 2, "%s", err);
    } else if (len % sizeof *r.all || !ranges_sound(&r)) {
        call_end(c, 2, "the data sent with the question isn't a sorted list of ranges");
    } else {
        while (i < r.count && !(why = refusal(t, &r.all[i], wide))) i++;
        if (why)
            refuse(c, t, &r.all[i], why);
        else if (!base_make(&r))
            call_end(c, 2, "%s: out of memory: nothing has changed", t->set->name);
        else
            base_put(control, c, t, &r.base, "replaced", r.count);
    }
    replacing_fini(&r);
}
