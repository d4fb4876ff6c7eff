/* A change of programs. A live set of the same name, size and `refuse` keeps its table; otherwise members are copied
 * to another table. Members that the new program refuses are removed once it is in force */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/live/carry/part.h"
#include "runtime/live/rules/members/base_cut.h"
#include "runtime/live/rules/members/members.h"
#include "runtime/live/rules/members/part_members.h"
#include "runtime/report/text.h"

enum { ENTRIES = 256 };

/* True if the set keeps its table. */
static bool keeps_table(const struct pbc_live *a, const struct pbc_live *b)
{
    return !a->file == !b->file && a->size == b->size && (a->flags & PBC_LIVE_REFUSE) == (b->flags & PBC_LIVE_REFUSE);
}

static uint32_t live_of_name(const struct program *p, const struct program *named, uint32_t live)
{
    return lives_find(p, program_str(named, named->lives[live].name));
}

static bool ranges_equal(const struct program *a, uint32_t x, const struct program *b, uint32_t y)
{
    if (x == PBC_NONE || y == PBC_NONE) return x == y;
    const struct pbc_set *s = &a->sets[x], *t = &b->sets[y];
    return s->count4 == t->count4 && s->count6 == t->count6 &&
           !memcmp(a->set4 + s->first4, b->set4 + t->first4, s->count4 * sizeof *a->set4) &&
           !memcmp(a->set6 + s->first6, b->set6 + t->first6, s->count6 * sizeof *a->set6);
}

/* True if a set begins again: with a file, if the file, the size or the allowed addresses differ; with names, if it
 * had none. */
static bool begins_anew(const struct program *old, uint32_t was, const struct program *now, uint32_t live)
{
    const struct pbc_live *a = &old->lives[was], *b = &now->lives[live];
    if (b->names) return !a->names;
    return b->file && (strcmp(program_str(old, a->file), program_str(now, b->file)) != 0 || a->size != b->size ||
                       !ranges_equal(old, a->in, now, b->in) || !ranges_equal(old, a->never, now, b->never));
}

/* Return the former program's set whose members a set keeps; PBC_NONE: none. */
static uint32_t live_before(const struct ruling *old, const struct program *p, uint32_t live)
{
    const uint32_t was = old->lives ? live_of_name(old->program, p, live) : PBC_NONE;
    return was != PBC_NONE && begins_anew(old->program, was, p, live) ? PBC_NONE : was;
}

/* Give a set that the trial's program lacks its parked members back, before packets are judged by it. */
static void parked_copy(const struct program_change *c, uint32_t live)
{
    const struct program *p = c->remap->program;
    const struct member_set *s = members_named(c->rules, program_str(p, p->lives[live].name));
    if (c->rules->on_trial && s && s->parked)
        live_copy(c->lives->sets[live], s->parked, members_now_ms(), s->parked_base);
}

/* Read the file of a set that begins again. If that fails for a program that comes back after a trial, the set keeps
 * the parked members, or those of the trial's set of that name. */
static bool begin_file(const struct program_change *c, uint32_t live)
{
    struct live_set *const table = c->lives->sets[live];
    if (member_file_read(c->rules, c->remap->program, live, table, c->err, c->err_len)) return true;
    if (!c->again) return false;
    const struct ruling *old = &c->carry->now;
    const struct live_base parked = live_base(table);
    const uint32_t same = old->lives ? live_of_name(old->program, c->remap->program, live) : PBC_NONE;
    if (same != PBC_NONE && !(parked.count4 || parked.count6))
        live_copy(table, lives_set(old->lives, same), members_now_ms(), true);
    return true;
}

static bool members_prepare(struct program_change *c)
{
    struct program *p = c->remap->program;
    const struct ruling *old = &c->carry->now;
    *c->rules->fell_out = 0;
    if (!p->lives_count) return true;
    c->lives = lives_new(p, c->carry->seed);
    if (!c->lives || !members_follow(c->rules, p)) return false;
    members_cut_by(c->rules, c->lives, p);
    lives_at(c->lives, clock_ns(CLOCK_MONOTONIC));
    lives_ask_as(c->lives, old->lives ? old->lives->questions : NULL);
    for (uint32_t i = 0; i < p->lives_count; i++) {
        const uint32_t was = live_before(old, p, i);
        if (was == PBC_NONE) {
            parked_copy(c, i);
            if (p->lives[i].file && !begin_file(c, i)) return false;
            continue;
        }
        struct live_set *table = lives_set(old->lives, was);
        if (!keeps_table(&p->lives[i], &old->program->lives[was])) {
            live_copy(c->lives->sets[i], table, members_now_ms(), true);
            continue;
        }
        live_free(c->lives->sets[i]);
        c->lives->sets[i] = table;
    }
    program_members(p, c->lives);
    return true;
}

/* Take tables that `owner` has, too, out of `lives`, which does not own them. */
static void leave_shared(struct lives *lives, const struct lives *owner)
{
    for (uint32_t i = 0; lives && i < lives->count; i++)
        for (uint32_t k = 0; owner && k < owner->count; k++)
            if (lives->sets[i] == owner->sets[k]) lives->sets[i] = NULL;
}

static void members_end(struct program_change *c)
{
    leave_shared(c->leaving.lives, c->carry->now.lives);
    if (c->lives) { /* if no ruling has taken them */
        leave_shared(c->lives, c->carry->now.lives);
        program_members(c->remap->program, NULL);
        lives_free(c->lives);
        c->lives = NULL;
    }
    members_forget(c->rules);
}

const struct part part_members = {.prepares = members_prepare, .ends = members_end};

/* ---- removed members ---- */

struct fallen {
    uint64_t never, outside, ranges, left_out;
    bool no_memory;
};

/* A set of the program in force, and the same set in the former program. */
struct following {
    struct rules *rules;
    struct member_set *set;
    struct live_set *table;
    struct member_place at;
    const struct ruling *old;
    uint32_t was; /* PBC_NONE: the former program had no set of that name */
};

static void tell(struct rules *rules, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void tell(struct rules *rules, const char *fmt, ...)
{
    char *text = rules->fell_out;
    const size_t used = strlen(text), room = sizeof rules->fell_out - used;
    va_list ap;
    const int gap = snprintf(text + used, room, "%s", used ? "; " : "");
    va_start(ap, fmt);
    if ((size_t)gap < room) vsnprintf(text + used + gap, room - (size_t)gap, fmt, ap);
    va_end(ap);
}

static void tell_count(struct rules *rules, const char *name, uint64_t n, const char *noun, const char *why)
{
    char text[TEXT_NUMBER];
    if (n) tell(rules, "%s: %s %s%s %s", name, text_number(n, text), noun, text_plural(n), why);
}

/* ---- members that a trial would lose ---- */

/* Return the table of parked members, made if it does not exist yet. NULL if none are parked now, or memory ran out. */
static struct live_set *parked_of(const struct following *w)
{
    if (w->rules->on_trial) return NULL; /* the trial ends, so nothing is parked */
    if (!w->set->parked) {
        w->set->parked = lives_set_new(w->old->program, w->was, w->rules->carry->seed);
        w->set->parked_base = false;
    }
    return w->set->parked;
}

static void park_member(const struct following *w, const struct live_entry *e)
{
    struct live_set *parked = parked_of(w);
    if (parked) live_add(parked, members_now_ms(), &e->net, e->end_ms, LIVE_LATER);
}

static void park_base(const struct following *w, const struct live_base *base)
{
    struct live_set *parked = parked_of(w);
    if (parked) w->set->parked_base |= live_replace(parked, base);
}

/* Park the table of a removed set, which no longer judges packets. If the kernel has read the table, its memory is
 * freed with the program, so its members are copied. */
static void park_table(struct rules *rules, const struct ruling *old, uint32_t was, struct member_set *s)
{
    if (rules->on_trial || !s) return;
    struct live_set *const table = lives_set(old->lives, was);
    live_free(s->parked);
    s->parked_base = true;
    s->past = member_counts(s, table);
    s->parked = table;
    if (!live_is_over(table)) {
        lives_put(old->lives, was, NULL);
        return;
    }
    s->parked = lives_set_new(old->program, was, rules->carry->seed);
    if (s->parked) live_copy(s->parked, table, members_now_ms(), true);
}

/* ---- members that go, or come back ---- */

/* Count and park one table's members that another one lacks. */
static void find_left_out(const struct following *w, const struct live_set *from, const struct live_set *table,
                          struct fallen *f)
{
    struct live_entry all[ENTRIES];
    const uint64_t now_ms = members_now_ms();
    uint64_t cursor = 0, end_ms;
    unsigned count;
    while ((count = live_list(from, now_ms, &cursor, all, ENTRIES)))
        for (unsigned i = 0; i < count; i++) {
            if (live_find(table, now_ms, &all[i].net, &end_ms)) continue;
            f->left_out++;
            park_member(w, &all[i]);
        }
}

/* True if both have the same number of ranges: a copied base is either complete, or missing because memory ran out. */
static bool bases_equal(const struct live_base *a, const struct live_base *b)
{
    return a->count4 == b->count4 && a->count6 == b->count6;
}

/* Bring a copy in line with the former table, which got members while packets were judged by both. */
static void copy_settle(const struct following *w, struct fallen *f)
{
    const struct live_set *before = lives_set(w->old->lives, w->was);
    const struct live_base old = live_base(before), base = live_base(w->table);
    live_copy(w->table, before, members_now_ms(), false);
    find_left_out(w, before, w->table, f);
    if (!bases_equal(&old, &base)) {
        f->left_out += old.count4 + old.count6;
        park_base(w, &old);
    }
    w->set->past = member_counts(w->set, before);
    w->set->version++;
}

/* Restore the members that a trial has parked. */
static void give_back(const struct following *w, struct fallen *f)
{
    struct member_set *s = w->set;
    live_copy(w->table, s->parked, members_now_ms(), s->parked_base);
    find_left_out(w, s->parked, w->table, f);
    s->version++;
}

/* Remove all members that the program refuses, and cut the base. */
static void drop_refused(const struct following *w, struct fallen *f)
{
    struct live_set *table = w->table;
    struct live_entry all[ENTRIES];
    const uint64_t now_ms = members_now_ms();
    uint64_t cursor = 0;
    unsigned count;
    while ((count = live_list(table, now_ms, &cursor, all, ENTRIES)))
        for (unsigned i = 0; i < count; i++) {
            const enum live_refusal why = lives_refuse(w->at.program, w->at.live, &all[i].net);
            if (why == LIVE_MAY) continue;
            park_member(w, &all[i]);
            live_remove(table, now_ms, &all[i].net);
            f->never += why == LIVE_NEVER;
            f->outside += why == LIVE_OUTSIDE;
        }
    const struct live_base old = live_base(table);
    struct cut cut;
    if (!cut_base(&old, w->at.program, w->at.live, false, &cut)) f->no_memory = true;
    if (!live_base_fits(table, &cut.base)) { /* there is no room for the ranges made by cutting */
        cut_fini(&cut);
        if (!cut_base(&old, w->at.program, w->at.live, true, &cut)) f->no_memory = true;
    }
    if (cut.ranges) park_base(w, &old);
    if (cut.ranges && !members_base(w->rules, table, &cut.base)) f->no_memory = true;
    f->ranges += cut.ranges;
    cut_fini(&cut);
}

/* True if the program refuses other addresses than its predecessor. */
static bool refuses_others(const struct following *w)
{
    const struct program *old = w->old->program, *now = w->at.program;
    const struct pbc_live *a = &old->lives[w->was], *b = &now->lives[w->at.live];
    return !ranges_equal(old, a->in, now, b->in) || !ranges_equal(old, a->never, now, b->never);
}

static void set_settle(struct rules *rules, const struct ruling *old, uint32_t live)
{
    const struct ruling *now = &rules->carry->now;
    const char *name = program_str(now->program, now->program->lives[live].name);
    const struct following w = {.rules = rules,
                                .set = members_named(rules, name),
                                .table = lives_set(now->lives, live),
                                .at = {now->program, now->lives, live},
                                .old = old,
                                .was = live_before(old, now->program, live)};
    struct fallen f = {0};
    if (!w.set) return;
    if (w.was != PBC_NONE && w.table != lives_set(old->lives, w.was)) copy_settle(&w, &f);
    if (w.was != PBC_NONE && refuses_others(&w)) drop_refused(&w, &f);
    if (rules->on_trial && w.set->parked && !pbc_live_is_filled(&now->program->lives[live])) give_back(&w, &f);
    if (w.was == PBC_NONE) w.set->file = w.set->next_file;
    tell_count(rules, name, f.never, "member",
               f.never == 1 ? "was removed, because `never` contains it"
                            : "were removed, because `never` contains them");
    tell_count(rules, name, f.outside, "member",
               f.outside == 1 ? "was removed, because the set's `in` doesn't contain it"
                              : "were removed, because the set's `in` doesn't contain them");
    tell_count(rules, name, f.ranges, "range", f.ranges == 1 ? "was cut" : "were cut");
    tell_count(rules, name, f.left_out, "member", "found no room");
    if (f.no_memory) tell(rules, "%s: out of memory, so the old ranges of its file stay", name);
}

void members_settle(struct rules *rules, struct program_change *c)
{
    const struct ruling *now = &rules->carry->now, *old = &c->leaving;
    for (uint32_t i = 0; old->lives && i < old->lives->count; i++) {
        struct member_set *s = members_named(rules, program_str(old->program, old->program->lives[i].name));
        if (!s) continue;
        s->refused = member_refused(s, old->lives, i);
        s->answered = member_answered(s, old->lives, i);
    }
    for (uint32_t i = 0; now->lives && i < now->lives->count; i++) set_settle(rules, old, i);
    for (uint32_t i = 0; old->lives && i < old->lives->count; i++) {
        const char *name = program_str(old->program, old->program->lives[i].name);
        const uint32_t live = live_of_name(now->program, old->program, i);
        if (live != PBC_NONE && begins_anew(old->program, i, now->program, live))
            park_table(rules, old, i, members_named(rules, name));
        if (live != PBC_NONE) continue;
        const struct live_base base = live_base(old->lives->sets[i]);
        const uint64_t members = live_counts(old->lives->sets[i]).members + base.count4 + base.count6;
        tell_count(rules, name, members, "member", members == 1 ? "is gone with the set" : "are gone with the set");
        park_table(rules, old, i, members_named(rules, name));
    }
}
