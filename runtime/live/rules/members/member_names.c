/* Members of sets of names: the addresses that the names have. An address that its name has lost stays for a while,
 * because earlier clients of that name still use it. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/live/carry/carry_state.h"
#include "runtime/live/rules/members/members.h"
#include "runtime/live/rules/names/names.h"
#include "runtime/live/tell/tell_state.h"
#include "runtime/report/text.h"

/* Time for which an address stays after its name has lost it: ten minutes. */
#define STAYS_MS UINT64_C(600000)
enum { SOME = 256 };

/* Return why a name's address may not be a member; NULL: it may be one. */
static const char *refuses(const struct member_target *t, bool v6, const uint32_t addr[4])
{
    if (!live_is_of_host(addr, v6)) return "which isn't an address of another machine";
    switch (member_refuses(t, v6, addr, addr)) {
    case LIVE_NEVER: return "which the set's `never` contains";
    case LIVE_OUTSIDE: return "which the set's `in` doesn't contain";
    default: return NULL;
    }
}

/* ---- the names of a set ---- */

static const struct pbc_names *list_of(const struct member_target *t)
{
    const struct program *p = t->at[0].program;
    const uint32_t names = p->lives[t->at[0].live].names;
    return names ? &p->names[names - 1] : NULL;
}

static const char *host_at(const struct member_target *t, uint32_t i)
{
    const struct program *p = t->at[0].program;
    return program_str(p, p->hosts[list_of(t)->first + i]);
}

static bool lists(const struct member_target *t, const char *host)
{
    const struct pbc_names *l = list_of(t);
    for (uint32_t i = 0; l && i < l->count; i++)
        if (!strcmp(host_at(t, i), host)) return true;
    return false;
}

static int address_order_of(const void *a, const void *b) { return memcmp(a, b, 4 * sizeof(uint32_t)); }

/* Return the present addresses of all names of a set, in the order of address_order_of. *all: true if each name is
 * known. NULL: out of memory. */
static uint32_t (*addresses_now(const struct rules *rules, const struct member_target *t, bool v6, uint32_t *count,
                                bool *all))[4]
{
    const struct pbc_names *l = list_of(t);
    uint32_t n = 0;
    *all = true;
    for (uint32_t i = 0; i < l->count; i++) {
        const struct host_name *h = names_find(rules, host_at(t, i));
        *all &= h && h->of[v6].known;
        n += h ? h->of[v6].count : 0;
    }
    uint32_t(*addr)[4] = malloc((n + (size_t)1) * sizeof *addr);
    *count = 0;
    for (uint32_t i = 0; addr && i < l->count; i++) {
        const struct host_name *h = names_find(rules, host_at(t, i));
        for (uint32_t k = 0; h && k < h->of[v6].count; k++) memcpy(addr[(*count)++], h->of[v6].addr[k], sizeof *addr);
    }
    if (addr) qsort(addr, *count, sizeof *addr, address_order_of);
    return addr;
}

static bool among(const uint32_t (*addr)[4], uint32_t count, const uint32_t one[4])
{
    return count && bsearch(one, addr, count, sizeof *addr, address_order_of);
}

/* ---- changes ---- */

static struct live_net net_of(bool v6, const uint32_t addr[4])
{
    struct live_net net = {.v6 = v6, .len = v6 ? 128 : 32};
    memcpy(net.addr, addr, sizeof net.addr);
    return net;
}

/* Add an address. Return the reason if it does not become a member, or NULL. */
static const char *add(const struct member_target *t, const struct host_name *h, bool v6, const uint32_t addr[4])
{
    const char *why = refuses(t, v6, addr);
    if (why) {
        t->set->refused++;
        return why;
    }
    const struct live_net net = net_of(v6, addr);
    const uint64_t now_ms = members_now_ms();
    const enum live_said said = member_add(t, &net, LIVE_FOREVER, LIVE_SET);
    if (said == LIVE_FULL || said == LIVE_LENGTHS) return "for which the set has no room";
    char comment[NOTE_COMMENT_MOST + 1];
    snprintf(comment, sizeof comment, "%s", h->host);
    notes_set(t->set->notes, &net,
              &(struct note_of){.uid = 0,
                                .wall_ns = clock_ns(CLOCK_REALTIME),
                                .now_ms = now_ms,
                                .end_ms = LIVE_FOREVER,
                                .comment = comment,
                                .anew = said == LIVE_ADDED});
    return NULL;
}

/* Set the end of a member that no longer belongs to a name, unless it has one. */
static void leave(const struct member_target *t, const struct live_net *net)
{
    uint64_t end_ms;
    if (!live_find(member_table(t), members_now_ms(), net, &end_ms) || end_ms < LIVE_FOREVER) return;
    member_add(t, net, members_now_ms() + STAYS_MS, LIVE_SET);
}

static void follow_change(struct rules *rules, const struct member_target *t, const struct name_change *c)
{
    const struct host_addresses *a = &c->name->of[c->v6];
    const char *why = NULL, *one;
    uint32_t refused = 0, count, bad = 0;
    bool all;
    for (uint32_t i = 0; i < a->count; i++) {
        if (!(one = add(t, c->name, c->v6, a->addr[i]))) continue;
        if (!refused++) why = one, bad = i;
    }
    uint32_t(*now)[4] = c->was_count ? addresses_now(rules, t, c->v6, &count, &all) : NULL;
    for (uint32_t i = 0; now && i < c->was_count; i++) {
        const struct live_net net = net_of(c->v6, c->was[i]);
        if (!among(now, count, c->was[i])) leave(t, &net);
    }
    free(now);
    rules->tell->changes++;
    if (!refused) return;
    char text[INET6_ADDRSTRLEN], others[40] = "";
    address_text(c->v6 ? 6 : 4, a->addr[bad], text);
    if (refused > 1) snprintf(others, sizeof others, " (and %u other%s)", refused - 1, text_plural(refused - 1));
    events_tell(&rules->tell->events, TOLD_NAMES, "%.60s: not added: %.100s has the address %s%s, %s", t->set->name,
                c->name->host, text, others, why);
}

/* Give an end to all members that came from names of a former program or process. This is done once each name is
 * known; false: not yet. */
static bool settle_names(struct rules *rules, const struct member_target *t)
{
    bool all[2];
    uint32_t count[2];
    uint32_t(*now[2])[4] = {addresses_now(rules, t, false, &count[0], &all[0]),
                            addresses_now(rules, t, true, &count[1], &all[1])};
    const bool due = now[0] && now[1] && all[0] && all[1];
    struct live_entry some[SOME];
    uint64_t at = 0;
    for (unsigned n; due && (n = live_list(member_table(t), members_now_ms(), &at, some, SOME));)
        for (unsigned i = 0; i < n; i++)
            if (!among(now[some[i].net.v6], count[some[i].net.v6], some[i].net.addr)) leave(t, &some[i].net);
    free(now[0]);
    free(now[1]);
    return due;
}

/* Find the set if it has names. */
static bool find(const struct rules *rules, uint32_t live, struct member_target *t)
{
    const struct ruling *now = &rules->carry->now;
    return now->program->lives[live].names &&
           members_find(rules, program_str(now->program, now->program->lives[live].name), t);
}

/* Add the known addresses of a set's names, for a program that has just begun to name them. */
static void begin(struct rules *rules, const struct member_target *t)
{
    for (uint32_t i = 0; i < list_of(t)->count; i++) {
        const struct host_name *h = names_find(rules, host_at(t, i));
        for (unsigned v6 = 0; h && v6 < 2; v6++)
            if (h->of[v6].count) follow_change(rules, t, &(struct name_change){.name = h, .v6 = v6});
    }
}

/* Return a number for the names in a program. A reload that is only for servers by name keeps the number. */
static uint64_t program_mark(const struct program *p)
{
    uint64_t mark;
    memcpy(&mark, p->digest, sizeof mark);
    return mark | 1;
}

void members_names(struct rules *rules, uint64_t now_ns)
{
    const struct ruling *now = &rules->carry->now;
    struct member_target t;
    struct name_change change;
    bool heard = false;
    names_follow(rules, now_ns);
    if (!rules->names) return;
    for (uint32_t i = 0; now->lives && i < now->lives->count; i++) {
        if (!find(rules, i, &t) || t.set->named == program_mark(now->program)) continue;
        begin(rules, &t);
        t.set->named = program_mark(now->program);
        t.set->settled = false;
        heard = true;
    }
    for (; names_next(rules, &change); heard = true)
        for (uint32_t i = 0; now->lives && i < now->lives->count; i++)
            if (find(rules, i, &t) && lists(&t, change.name->host)) follow_change(rules, &t, &change);
    for (uint32_t i = 0; heard && now->lives && i < now->lives->count; i++)
        if (find(rules, i, &t) && !t.set->settled) t.set->settled = settle_names(rules, &t);
}

void member_names_fault(const struct rules *rules, const struct member_target *t, char *text, size_t len)
{
    names_fault(rules, text, len);
    for (uint32_t i = 0; list_of(t) && i < list_of(t)->count && !*text; i++) {
        const struct host_name *h = names_find(rules, host_at(t, i));
        for (unsigned v6 = 0; h && v6 < 2 && !*text; v6++)
            if (*h->of[v6].fault) snprintf(text, len, "%.200s keeps its old addresses: %s", h->host, h->of[v6].fault);
        if (!h) snprintf(text, len, "%.200s: its address wasn't looked up yet", host_at(t, i));
    }
}

void member_names_none(const struct rules *rules, const struct member_target *t, char *text, size_t len)
{
    *text = 0;
    for (uint32_t i = 0; list_of(t) && i < list_of(t)->count && !*text; i++) {
        const struct host_name *h = names_find(rules, host_at(t, i));
        if (h && name_none(h)) snprintf(text, len, "%.200s has no address: %s", h->host, name_none(h));
    }
}
