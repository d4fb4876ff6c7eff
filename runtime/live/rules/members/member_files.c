/* Files of live sets. The parent reads them, and reports each change once. A file that is not a list of addresses
 * changes nothing; neither does one with an address that the set may not hold */
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

enum {
    BUSY_MOST = 10 /* number of looks after which a file that is written to continuously is read anyway */,
    PAUSE_TIMES = 20
};

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

/* Have the parent look at a set's file. Return 1 if it was read, into *g; 0 if it is the same as in `was`; or a
 * negative errno, with a line in err. */
static int look(struct rules *rules, const struct program *p, uint32_t live, const struct file_mark *was, bool hurry,
                struct given *g, char *err, size_t err_len)
{
    const char *path = program_str(p, p->lives[live].file);
    struct request_addresses asked = {.was = *was, .hurry = hurry, .most = p->lives[live].size};
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

/* True if the set may hold all ranges. False: a line in err. */
static bool base_is_due(const struct program *p, uint32_t live, const struct live_base *b, char *err, size_t err_len)
{
    char text[INET6_ADDRSTRLEN];
    struct live_net first;
    const enum live_refusal why = lives_refuse_base(p, live, b, &first);
    if (why == LIVE_MAY) return true;
    address_text(first.v6 ? 6 : 4, first.addr, text);
    snprintf(err, err_len, "%.200s: %s: %s", program_str(p, p->lives[live].file), text,
             why == LIVE_NEVER ? "`never` contains it, or a part of it" : "the set's `in` doesn't contain it");
    return false;
}

/* Put the ranges of a file into a table. False: a line in err, and the table is unchanged. */
static bool put(struct rules *rules, const struct program *p, uint32_t live, struct live_set *table,
                const struct address_file *f, char *err, size_t err_len)
{
    const struct live_base base = address_file_base(f);
    if (*f->fault) {
        snprintf(err, err_len, "%s", f->fault);
        return false;
    }
    if (!base_is_due(p, live, &base, err, err_len)) return false;
    if (live_base_fits(table, &base) && members_base(rules, table, &base)) return true;
    snprintf(err, err_len, "%.200s: %s", program_str(p, p->lives[live].file),
             live_base_fits(table, &base) ? "out of memory"
                                          : "the set's table in the kernel is too small for the file: write a larger "
                                            "`size` for the set");
    return false;
}

/* Read the file into a table, and note that in *to. False: a line in why. */
static bool read_into(struct rules *rules, const struct program *p, uint32_t live, struct live_set *table,
                      struct member_file *to, char *why, size_t why_len)
{
    static const struct file_mark none;
    struct given g = {.file = NULL};
    const int n = look(rules, p, live, &none, true, &g, why, why_len);
    const bool good = n > 0 && put(rules, p, live, table, g.file, why, why_len);
    *to = (struct member_file){.read_ns = good ? clock_ns(CLOCK_REALTIME) : 0};
    if (n > 0) to->mark = g.file->mark;
    if (n > 0 && !good) snprintf(to->bad, sizeof to->bad, "%s", why);
    given_fini(&g);
    return good;
}

bool member_file_read(struct rules *rules, const struct program *p, uint32_t live, struct live_set *table, char *err,
                      size_t err_len)
{
    struct member_set *s = members_named(rules, program_str(p, p->lives[live].name));
    char why[304] = "out of memory";
    if (s && read_into(rules, p, live, table, &s->next_file, why, sizeof why)) return true;
    snprintf(err, err_len, "set %.60s: %s", program_str(p, p->lives[live].name), why);
    return false;
}

/* ---- while prey runs ---- */

static void tell_taken(const struct rules *rules, const struct member_set *s, const char *path, uint64_t members,
                       uint64_t before)
{
    char now[TEXT_NUMBER], were[TEXT_NUMBER];
    events_tell(&rules->tell->events, TOLD_HAND, "sets: %.100s now has the contents of %s: %s member%s, %s before",
                s->name, path, text_number(members, now), text_plural(members), text_number(before, were));
}

/* Report a fault unless it is the one that was reported last. */
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
    const int n = look(rules, now->program, live, &s->file.mark, s->file.busy >= BUSY_MOST, &g, why, sizeof why);
    s->file.busy = n == ADDRESS_FILE_YOUNG ? s->file.busy + 1 : 0;
    if (n == ADDRESS_FILE_YOUNG) return;
    if (n < 0) {
        tell_fault_once(rules, s, table, why);
        return;
    }
    const bool good = n > 0 && put(rules, now->program, live, table, g.file, why, sizeof why);
    if (n > 0) s->file.mark = g.file->mark;
    if (n > 0) snprintf(s->file.bad, sizeof s->file.bad, "%s", good ? "" : why);
    if (*s->file.bad) {
        tell_fault_once(rules, s, table, s->file.bad);
    } else if (good) {
        tell_taken(rules, s, path, g.file->members, (uint64_t)old.count4 + old.count6);
        s->file.read_ns = clock_ns(CLOCK_REALTIME);
        s->version++;
        rules->tell->changes++;
    } else if (*s->file.fault) {
        events_tell(&rules->tell->events, TOLD_HAND, "sets: %.100s: %s is back, unchanged", s->name, path);
    }
    if (!*s->file.bad) *s->file.fault = 0;
    given_fini(&g);
}

/* All looks together take at most a twentieth of the time. */
void members_files(struct rules *rules, uint64_t now_ns)
{
    const struct ruling *now = &rules->carry->now;
    const uint64_t begun = clock_ns(CLOCK_MONOTONIC);
    if (!change_settled(rules->carry) || now_ns < rules->members->look_ns) return;
    for (uint32_t i = 0; now->lives && i < now->lives->count; i++) {
        const struct pbc_live *l = &now->program->lives[i];
        struct member_set *s = l->file ? members_named(rules, program_str(now->program, l->name)) : NULL;
        if (s) file_turn(rules, i, s);
    }
    rules->members->look_ns = now_ns + PAUSE_TIMES * (clock_ns(CLOCK_MONOTONIC) - begun);
}

bool members_files_begin(struct rules *rules, char *err, size_t err_len)
{
    const struct ruling *now = &rules->carry->now;
    bool good = true;
    for (uint32_t i = 0; now->lives && i < now->lives->count; i++) {
        const struct pbc_live *l = &now->program->lives[i];
        struct member_set *s = l->file ? members_named(rules, program_str(now->program, l->name)) : NULL;
        struct live_set *const table = lives_set(now->lives, i);
        const struct live_base kept = live_base(table);
        char why[304] = "";
        if (!s || read_into(rules, now->program, i, table, &s->file, why, sizeof why)) continue;
        if (kept.count4 || kept.count6) {
            tell_fault_once(rules, s, table, why);
            continue;
        }
        good = false;
        snprintf(err, err_len, "set %.60s: %s", s->name, why);
    }
    return good;
}
