/* A change by hand goes to the tables of both programs while a change of programs is under way. If all members are
 * replaced at once, another table takes its place: readers have the old or the new one, and the old one is freed
 * when no reader can have it */
#include "runtime/live/rules/members/members.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/kernel/maps/live_sets.h"
#include "runtime/live/carry/change.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/live/carry/part.h"
#include "runtime/live/carry/proxy/proxied.h"
#include "vm/judge/lives.h"

enum { GROUPS_A_SECOND = 1 << 14, GROUPS_LEAST = 256, BUCKETS_A_GROUP = 4, EMPTIED_A_SECOND = 1 << 18 };
#define GRACE_NS UINT64_C(1000000000)

struct emptied {
    struct emptied *next;
    struct live_set *table;   /* table to be freed; NULL: freed, or none */
    struct live_block *bases; /* bases to be freed; NULL: freed, or none */
    struct notes *notes;      /* notes to be freed; NULL: freed, or none */
    uint64_t at_ns, mark; /* mark: once a proxy loop has begun a turn with it, the loop knows neither table nor bases */
};

uint64_t members_now_ms(void) { return clock_ns(CLOCK_MONOTONIC) / 1000000; }

static const struct ruling *ruling_before(const struct carry *carry)
{
    return change_settled(carry) ? NULL : &carry->change->leaving;
}

struct member_set *members_named(const struct rules *rules, const char *name)
{
    struct member_set *s = rules->members ? rules->members->first : NULL;
    while (s && strcmp(s->name, name) != 0) s = s->next;
    return s;
}

static void member_set_free(struct member_set *s)
{
    live_free(s->parked);
    notes_free(s->notes);
    free(s->name);
    free(s);
}

static struct member_set *member_set_new(const char *name, uint64_t most, uint64_t seed)
{
    struct member_set *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->name = strdup(name);
    s->notes = notes_new(most, seed);
    if (s->name && s->notes) return s;
    member_set_free(s);
    return NULL;
}

bool members_follow(struct rules *rules, const struct program *p)
{
    if (!p->lives_count) return true;
    if (!rules->members && !(rules->members = calloc(1, sizeof *rules->members))) return false;
    for (uint32_t i = 0; i < p->lives_count; i++) {
        const char *name = program_str(p, p->lives[i].name);
        struct member_set *s = members_named(rules, name);
        if (s) notes_bound(s->notes, p->lives[i].size);
        if (s) continue;
        s = member_set_new(name, p->lives[i].size, rules->carry->seed + i);
        if (!s) return false;
        s->number = members_cut_number(rules->members);
        s->next = rules->members->first;
        rules->members->first = s;
    }
    return true;
}

void members_forget(struct rules *rules)
{
    const struct program *p = rules->carry->now.program;
    if (rules->on_trial) return;
    for (struct member_set **at = rules->members ? &rules->members->first : NULL; at && *at;) {
        struct member_set *s = *at;
        if (lives_find(p, s->name) != PBC_NONE) {
            live_free(s->parked);
            s->parked = NULL;
            at = &s->next;
            continue;
        }
        *at = s->next;
        member_set_free(s);
    }
}

bool members_begin(struct rules *rules)
{
    struct ruling *now = &rules->carry->now;
    if (!rules->members && !(rules->members = calloc(1, sizeof *rules->members))) return false;
    if (!members_cut_begin(rules)) return false;
    if (!now->program->lives_count) return true;
    now->lives = lives_new(now->program, rules->carry->seed);
    if (!now->lives || !members_follow(rules, now->program)) return false;
    members_cut_by(rules, now->lives, now->program);
    lives_at(now->lives, clock_ns(CLOCK_MONOTONIC));
    program_members(now->program, now->lives);
    return in_kernel_members(rules->carry);
}

static void emptied_free(struct members *m, bool (*freed)(struct emptied *e, void *with), void *with)
{
    for (struct emptied **at = &m->emptied; *at;) {
        struct emptied *e = *at;
        if (!freed(e, with)) {
            at = &e->next;
            continue;
        }
        *at = e->next;
        free(e);
    }
}

/* Free the parts that readers may have held. */
static void read_free(struct emptied *e)
{
    live_free(e->table);
    live_block_free(e->bases);
    e->table = NULL;
    e->bases = NULL;
}

static bool free_whole(struct emptied *e, void *with)
{
    (void)with;
    read_free(e);
    notes_free(e->notes);
    return true;
}

void members_fini(struct rules *rules)
{
    struct members *m = rules->members;
    flow_cuts_free(rules->carry->cuts);
    rules->carry->cuts = NULL;
    if (!m) return;
    emptied_free(m, free_whole, NULL);
    for (struct member_set *s = m->first, *next; s; s = next) {
        next = s->next;
        member_set_free(s);
    }
    free(m);
    rules->members = NULL;
}

void members_at(const struct rules *rules, uint64_t now_ns)
{
    const struct ruling *before = ruling_before(rules->carry);
    if (rules->carry->now.lives) lives_at(rules->carry->now.lives, now_ns);
    if (before && before->lives) lives_at(before->lives, now_ns);
}

/* One walk over the parts to be freed. */
struct freeing {
    const struct carry *carry;
    bool held; /* each worker has been held since the walk began, so its batch has ended, and no longer uses what it
                  read */
};

static void hold_each(struct freeing *f)
{
    for (unsigned i = 0; i < f->carry->worker_count && !f->held; i++) {
        worker_hold(f->carry->workers[i]);
        worker_release(f->carry->workers[i]);
    }
    f->held = true;
}

/* Free table and bases once each proxy loop has begun another turn and each worker has been held. Notes are freed in
 * parts, one each time. */
static bool free_some(struct emptied *e, void *with)
{
    struct freeing *f = with;
    if ((e->table || e->bases) && clock_ns(CLOCK_MONOTONIC) - e->at_ns >= GRACE_NS &&
        proxied_marked(f->carry) >= e->mark && !change_pending(f->carry)) {
        hold_each(f);
        read_free(e);
    }
    if (e->notes) notes_sweep(e->notes, NULL, 0, EMPTIED_A_SECOND);
    if (e->notes && notes_empty(e->notes)) {
        notes_free(e->notes);
        e->notes = NULL;
    }
    return !e->table && !e->bases && !e->notes;
}

void members_tick(struct rules *rules, uint64_t now_ns)
{
    const struct ruling *now = &rules->carry->now;
    if (!rules->members) return;
    members_name(rules);
    const uint32_t count = now->lives ? now->lives->count : 0;
    /* Until a change has settled, its trial has parked nothing, so notes of members that found no room are kept. */
    const bool settled = change_settled(rules->carry);
    unsigned groups = count ? GROUPS_A_SECOND / count : 0;
    if (groups < GROUPS_LEAST) groups = GROUPS_LEAST;
    for (uint32_t i = 0; i < count; i++) {
        const struct member_set *s = members_named(rules, program_str(now->program, now->program->lives[i].name));
        struct live_set *table = lives_set(now->lives, i);
        live_sweep(table, now_ns / 1000000, groups);
        if (s && !s->parked && settled) notes_sweep(s->notes, table, now_ns / 1000000, groups * BUCKETS_A_GROUP);
    }
    emptied_free(rules->members, free_some, &(struct freeing){.carry = rules->carry});
    members_files(rules, now_ns);
}

bool members_find(const struct rules *rules, const char *name, struct member_target *t)
{
    const struct ruling *now = &rules->carry->now, *before = ruling_before(rules->carry);
    *t = (struct member_target){.set = members_named(rules, name)};
    const uint32_t live = t->set && now->lives ? lives_find(now->program, name) : PBC_NONE;
    if (live == PBC_NONE) return false;
    t->at[t->count++] = (struct member_place){now->program, now->lives, live};
    const uint32_t other = before && before->lives ? lives_find(before->program, name) : PBC_NONE;
    if (other != PBC_NONE) t->at[t->count++] = (struct member_place){before->program, before->lives, other};
    return true;
}

void members_lend(const struct rules *rules, struct program *p, struct lives *lent, struct live_set *none)
{
    const struct ruling *now = &rules->carry->now;
    *lent = (struct lives){.now_ms = members_now_ms(), .count = p->lives_count};
    for (uint32_t i = 0; i < lent->count; i++) {
        const uint32_t at = now->lives ? lives_find(now->program, program_str(p, p->lives[i].name)) : PBC_NONE;
        lent->sets[i] = at == PBC_NONE ? none : lives_set(now->lives, at);
    }
    program_members(p, lent);
}

static struct live_set *table_at(const struct member_target *t, unsigned i)
{
    return lives_set(t->at[i].lives, t->at[i].live);
}

struct live_set *member_table(const struct member_target *t) { return table_at(t, 0); }

bool member_base_fits(const struct member_target *t, const struct live_base *base)
{
    bool fits = true;
    for (unsigned i = 0; i < t->count; i++) fits &= live_base_fits(table_at(t, i), base);
    return fits;
}

/* True if both programs have the same table, so that a change is made once. */
static bool is_shared(const struct member_target *t) { return t->count == 2 && table_at(t, 0) == table_at(t, 1); }

enum live_refusal member_refuses(const struct member_target *t, bool v6, const uint32_t lo[4], const uint32_t hi[4])
{
    enum live_refusal why = LIVE_MAY;
    for (unsigned i = 0; i < t->count && why == LIVE_MAY; i++)
        why = lives_refuse_range(t->at[i].program, t->at[i].live, v6, lo, hi);
    return why;
}

enum live_said member_add(const struct member_target *t, const struct live_net *net, uint64_t end_ms, enum live_how how)
{
    const uint64_t now_ms = members_now_ms();
    if (t->count == 2 && !is_shared(t)) live_add(table_at(t, 1), now_ms, net, end_ms, how);
    return live_add(member_table(t), now_ms, net, end_ms, how);
}

enum live_said member_remove(const struct member_target *t, const struct live_net *net)
{
    const uint64_t now_ms = members_now_ms();
    if (t->count == 2 && !is_shared(t)) live_remove(table_at(t, 1), now_ms, net);
    if (t->set->parked) live_remove(t->set->parked, now_ms, net);
    return live_remove(member_table(t), now_ms, net);
}

struct live_counts member_counts(const struct member_set *set, const struct live_set *table)
{
    struct live_counts c = live_counts(table);
#define X(field, doc) c.field += set->past.field;
    LIVE_COUNTS(X)
#undef X
    return c;
}

uint64_t member_refused(const struct member_set *set, struct lives *lives, uint32_t live)
{
    live_sets_refused(lives);
    return set->refused + __atomic_load_n(&lives->refused[live], __ATOMIC_RELAXED);
}

/* Note the reported names on the sets of one program. */
static void names_take(const struct rules *rules, const struct ruling *of)
{
    struct live_named *all = of->lives && of->lives->names ? malloc(sizeof of->lives->names->of) : NULL;
    const uint32_t count = all ? lives_named(of->lives, all) : 0;
    const uint64_t now_ms = members_now_ms(), wall_ns = clock_ns(CLOCK_REALTIME);
    for (uint32_t i = 0; i < count; i++) {
        const struct member_set *s =
            members_named(rules, program_str(of->program, of->program->lives[all[i].live].name));
        const struct note *was = s ? notes_find(s->notes, now_ms, &all[i].net) : NULL;
        const struct note_of note = {.uid = NOTE_ANSWER,
                                     .wall_ns = wall_ns,
                                     .now_ms = now_ms,
                                     .end_ms = all[i].end_ms,
                                     .comment = all[i].host,
                                     .anew = !was};
        if (s && note_comment_fits(all[i].host)) notes_set(s->notes, &all[i].net, &note);
    }
    free(all);
}

void members_name(struct rules *rules)
{
    const struct ruling *before = ruling_before(rules->carry);
    if (before) names_take(rules, before);
    names_take(rules, &rules->carry->now);
}

struct live_answered member_answered(const struct member_set *set, const struct lives *lives, uint32_t live)
{
    struct live_answered c = set->answered;
#define X(field, doc) c.field += __atomic_load_n(&lives->answered[live].field, __ATOMIC_RELAXED);
    LIVE_ANSWERED(X)
#undef X
    return c;
}

/* Have objects freed later, when no packet is judged by them any more. */
static void emptied_put(struct rules *rules, struct emptied *e)
{
    e->next = rules->members->emptied;
    e->at_ns = clock_ns(CLOCK_MONOTONIC);
    e->mark = ++rules->members->mark;
    proxied_mark(rules->carry, e->mark);
    rules->members->emptied = e;
}

/* Put a table in the place of another one, which is freed later (e). */
static void table_swap(struct rules *rules, const struct member_place *at, struct live_set *fresh, struct emptied *e)
{
    *e = (struct emptied){.table = lives_set(at->lives, at->live)};
    lives_put(at->lives, at->live, fresh);
    emptied_put(rules, e);
}

bool members_base(struct rules *rules, struct live_set *table, const struct live_base *base)
{
    struct emptied *e = malloc(sizeof *e);
    if (!e || !live_replace(table, base)) {
        free(e);
        return false;
    }
    *e = (struct emptied){.bases = live_replaced(table)};
    if (e->bases)
        emptied_put(rules, e);
    else
        free(e);
    return true;
}

static struct live_set *table_with(const struct rules *rules, const struct member_place *at,
                                   const struct live_base *base)
{
    struct live_set *s = lives_set_new(at->program, at->live, rules->carry->seed);
    if (s && live_replace(s, base)) return s;
    live_free(s);
    return NULL;
}

/* Replace the tables of all programs by others with this base. */
static bool replace_tables(struct rules *rules, const struct member_target *t, const struct live_base *base,
                           struct notes *notes)
{
    const bool two = t->count == 2 && !is_shared(t);
    struct live_set *fresh[2] = {table_with(rules, &t->at[0], base), two ? table_with(rules, &t->at[1], base) : NULL};
    struct emptied *e[2] = {malloc(sizeof *e[0]), two ? malloc(sizeof *e[1]) : NULL};
    if (!fresh[0] || !e[0] || (two && (!fresh[1] || !e[1]))) {
        for (unsigned i = 0; i < 2; i++) live_free(fresh[i]), free(e[i]);
        return false;
    }
    t->set->past = member_counts(t->set, member_table(t));
    t->set->past.removed += live_counts(member_table(t)).members;
    if (is_shared(t)) lives_put(t->at[1].lives, t->at[1].live, fresh[0]);
    table_swap(rules, &t->at[0], fresh[0], e[0]);
    e[0]->notes = t->set->notes;
    if (two) table_swap(rules, &t->at[1], fresh[1], e[1]);
    t->set->notes = notes;
    return true;
}

/* Do the same as replace_tables in tables that the kernel reads, too. The base is replaced first, so that members in
 * both the old and the new state are always in the set. */
static bool replace_in_place(struct rules *rules, const struct member_target *t, const struct live_base *base,
                             struct notes *notes)
{
    const uint64_t now_ms = members_now_ms();
    struct emptied *e = malloc(sizeof *e);
    bool good = e;
    for (unsigned i = 0; i < t->count && good; i++) good = members_base(rules, table_at(t, i), base);
    if (!good) {
        free(e);
        return false;
    }
    for (unsigned i = 0; i < t->count; i++) live_clear(table_at(t, i), now_ms);
    *e = (struct emptied){.next = rules->members->emptied, .notes = t->set->notes};
    rules->members->emptied = e;
    t->set->notes = notes;
    return true;
}

bool members_replace(struct rules *rules, const struct member_target *t, const struct live_base *base, uint64_t *were)
{
    struct notes *notes = notes_new(t->at[0].program->lives[t->at[0].live].size, rules->carry->seed + t->set->version);
    const struct live_base old = live_base(member_table(t));
    *were = live_counts(member_table(t)).members + old.count4 + old.count6;
    const bool in_place = live_is_over(member_table(t));
    if (!notes || !(in_place ? replace_in_place : replace_tables)(rules, t, base, notes)) {
        notes_free(notes);
        return false;
    }
    t->set->version++;
    live_free(t->set->parked); /* the base has all members, also after a trial */
    t->set->parked = NULL;
    return true;
}
