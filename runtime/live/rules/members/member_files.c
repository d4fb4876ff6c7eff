/* Files of live sets: the parent reads them, and tells of each change once. A file that is no list of addresses changes
 * nothing, and neither does one with an address that the set may not hold */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/live/carry/change.h"
#include "runtime/live/rules/members/members.h"
#include "runtime/report/text.h"
#include "vm/words/words.h"

enum { BUSY_MOST = 10 /* a file that is written to all the time is read after so many looks */, PAUSE_TIMES = 20 };
#define LOOK_NS UINT64_C(1000000000)

/* A file as the parent gives it. */
struct given {
    const struct address_file *file;
    size_t len;
};

static void given_fini(struct given *g)
{
    if (g->file) munmap((void *)(uintptr_t)g->file, g->len);
    g->file = NULL;
}

/* Have the parent look at a file. Return 1: it was read, into *g; 0: it is as `was` says; or a negative errno, with a
 * line in err. */
static int look(struct rules *rules, const char *path, const struct file_mark *was, bool hurry, struct given *g,
                char *err, size_t err_len)
{
    struct request_addresses asked = {.was = *was, .hurry = hurry};
    int fd = -1;
    snprintf(asked.path, sizeof asked.path, "%s", path);
    const int n = ask_ADDRESSES(rules->tell->channel, &asked, &fd, err, err_len);
    if (n <= 0) return n;
    g->file = address_file_map(fd, &g->len);
    close(fd);
    if (g->file) return 1;
    snprintf(err, err_len, "%.200s: out of memory", path);
    return -ENOMEM;
}

/* True if the set may hold all ranges, and has room. False: a line in err. */
static bool base_is_due(const struct program *p, uint32_t live, const struct live_base *b, char *err, size_t err_len)
{
    const struct pbc_live *l = &p->lives[live];
    char most[TEXT_NUMBER], text[INET6_ADDRSTRLEN];
    struct live_net first;
    if ((uint64_t)b->count4 + b->count6 > l->size) {
        snprintf(err, err_len, "%.200s: it has more than %s ranges: `size` of the set allows more",
                 program_str(p, l->file), text_number(l->size, most));
        return false;
    }
    const enum live_refusal why = lives_refuse_base(p, live, b, &first);
    if (why == LIVE_MAY) return true;
    address_text(first.v6 ? 6 : 4, first.addr, text);
    snprintf(err, err_len, "%.200s: %s: %s", program_str(p, l->file), text,
             why == LIVE_NEVER ? "`never` holds it, or a part of it" : "it is outside `in`");
    return false;
}

/* Put the ranges of a file into a table. False: a line in err, and the table is unchanged. */
static bool put(const struct program *p, uint32_t live, struct live_set *table, const struct address_file *f, char *err,
                size_t err_len)
{
    const struct live_base base = address_file_base(f);
    if (*f->fault) {
        snprintf(err, err_len, "%s", f->fault);
        return false;
    }
    if (!base_is_due(p, live, &base, err, err_len)) return false;
    if (live_base_fits(table, &base) && live_replace(table, members_now_ms(), &base)) return true;
    snprintf(err, err_len, "%.200s: %s", program_str(p, p->lives[live].file),
             live_base_fits(table, &base) ? "out of memory"
                                          : "the kernel has no room for it: a larger `size` makes it");
    return false;
}

bool member_file_read(struct rules *rules, const struct program *p, uint32_t live, struct live_set *table, char *err,
                      size_t err_len)
{
    static const struct file_mark none;
    struct given g = {.file = NULL};
    char why[304] = "";
    const int n = look(rules, program_str(p, p->lives[live].file), &none, true, &g, why, sizeof why);
    const bool good = n > 0 && put(p, live, table, g.file, why, sizeof why);
    struct member_set *s = members_named(rules, program_str(p, p->lives[live].name));
    if (good && s)
        s->file = (struct member_file){.mark = g.file->mark, .read_ns = clock_ns(CLOCK_REALTIME)};
    else if (!good)
        snprintf(err, err_len, "set %.60s: %s", program_str(p, p->lives[live].name), why);
    given_fini(&g);
    return good;
}

/* ---- while it runs ---- */

static void tell_taken(const struct rules *rules, const struct member_set *s, const char *path, uint64_t members,
                       uint64_t before)
{
    char now[TEXT_NUMBER], were[TEXT_NUMBER];
    events_tell(&rules->tell->events, TOLD_HAND, "sets: %.100s has %s now: %s member%s, %s before", s->name, path,
                text_number(members, now), text_plural(members), text_number(before, were));
}

/* Tell a fault unless it is the one that was told. */
static void tell_fault_once(const struct rules *rules, struct member_set *s, const struct live_set *table,
                            const char *why)
{
    const struct live_base base = live_base(table);
    char keeps[TEXT_NUMBER];
    if (!strcmp(s->file.fault, why)) return;
    snprintf(s->file.fault, sizeof s->file.fault, "%s", why);
    events_tell(&rules->tell->events, TOLD_REFUSED, "sets: %.100s keeps its %s range%s: %s", s->name,
                text_number((uint64_t)base.count4 + base.count6, keeps),
                text_plural((uint64_t)base.count4 + base.count6), why);
}

static void file_turn(struct rules *rules, uint32_t live, struct member_set *s)
{
    const struct ruling *now = &rules->carry->now;
    const char *path = program_str(now->program, now->program->lives[live].file);
    struct live_set *const table = lives_set(now->lives, live);
    const struct live_base old = live_base(table);
    struct given g = {.file = NULL};
    char why[304] = "";
    const int n = look(rules, path, &s->file.mark, s->file.busy >= BUSY_MOST, &g, why, sizeof why);
    s->file.busy = n == -EBUSY ? s->file.busy + 1 : 0;
    if (n == -EBUSY) return;
    if (n > 0) s->file.mark = g.file->mark;
    if (n > 0 && put(now->program, live, table, g.file, why, sizeof why)) {
        tell_taken(rules, s, path, g.file->members, (uint64_t)old.count4 + old.count6);
        *s->file.fault = 0;
        s->file.read_ns = clock_ns(CLOCK_REALTIME);
        s->version++;
        rules->tell->changes++;
    } else if (n) {
        tell_fault_once(rules, s, table, why);
    }
    given_fini(&g);
}

/* Each look takes a twentieth of the time at most. */
void members_files(struct rules *rules, uint64_t now_ns)
{
    const struct ruling *now = &rules->carry->now;
    if (!change_settled(rules->carry)) return;
    for (uint32_t i = 0; now->lives && i < now->lives->count; i++) {
        const struct pbc_live *l = &now->program->lives[i];
        struct member_set *s = l->file ? members_named(rules, program_str(now->program, l->name)) : NULL;
        if (!s || now_ns < s->file.next_ns) continue;
        const uint64_t begun = clock_ns(CLOCK_MONOTONIC);
        file_turn(rules, i, s);
        const uint64_t took = clock_ns(CLOCK_MONOTONIC) - begun;
        s->file.next_ns = now_ns + (took * PAUSE_TIMES > LOOK_NS ? took * PAUSE_TIMES : LOOK_NS);
    }
}

bool members_files_begin(struct rules *rules, char *err, size_t err_len)
{
    const struct ruling *now = &rules->carry->now;
    for (uint32_t i = 0; now->lives && i < now->lives->count; i++) {
        if (!now->program->lives[i].file) continue;
        struct live_set *const table = lives_set(now->lives, i);
        const struct live_base kept = live_base(table);
        if (member_file_read(rules, now->program, i, table, err, err_len)) continue;
        struct member_set *s = members_named(rules, program_str(now->program, now->program->lives[i].name));
        if (!s || !(kept.count4 || kept.count6)) return false;
        tell_fault_once(rules, s, table, err);
    }
    return true;
}
