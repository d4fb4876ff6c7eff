/* Each match is entered under its address, sorted into groups of one address, without duplicates */
#include "runtime/io/steer/places.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    uint32_t side; /* enum steer_side + 1; 0: in no group */
    struct numbered_ip addr;
    struct steer_match match;
};

static bool is_one(const struct numbered_ip *lo, const struct numbered_ip *hi)
{
    return lo->hi == hi->hi && lo->lo == hi->lo;
}

static struct entry *entry_add(struct entry *to, const struct steer_match *m, uint32_t side, struct numbered_ip addr)
{
    memset(to, 0, sizeof *to); /* entries are compared as bytes */
    to->side = side;
    to->addr = addr;
    to->match = *m;
    return to + 1;
}

static struct entry *add_by_destination(struct entry *to, const struct steer_match *m)
{
    const bool one = is_one(&m->to_lo, &m->to_hi);
    return entry_add(to, m, one ? STEER_BY_TO + 1 : 0, one ? m->to_lo : (struct numbered_ip){0, 0});
}

static struct entry *match_place(struct entry *to, const struct steer_match *m)
{
    if (!is_one(&m->from_lo, &m->from_hi)) return add_by_destination(to, m);
    if (m->kind == STEER_RETURNS) return entry_add(to, m, STEER_BY_FROM + 1, m->from_lo);
    /* No frame has this source, so only ICMP errors and requests match. */
    struct steer_match others = {
        .to_lo = m->to_lo, .to_hi = m->to_hi, .from_lo = {0, 1}, .reach = m->reach, .named = m->named, .kind = m->kind};
    return add_by_destination(entry_add(to, m, STEER_BY_FROM + 1, m->from_lo), &others);
}

static int entry_compare(const void *a, const void *b) { return memcmp(a, b, sizeof(struct entry)); }

static bool same_group(const struct entry *a, const struct entry *b)
{
    return a->side == b->side && is_one(&a->addr, &b->addr);
}

/* Sort, and remove duplicates. Return the number left. */
static uint32_t sort_out(struct entry *all, uint32_t count)
{
    uint32_t kept = 0;
    if (count) qsort(all, count, sizeof *all, entry_compare);
    for (uint32_t i = 0; i < count; i++)
        if (!kept || entry_compare(&all[i], &all[kept - 1])) all[kept++] = all[i];
    return kept;
}

static void groups_list(struct placed *p, const struct entry *all)
{
    for (uint32_t i = 0; i < p->count; i++) {
        p->all[i] = all[i].match;
        if (!all[i].side) {
            p->rest++;
            continue;
        }
        if (!i || !same_group(&all[i], &all[i - 1])) {
            p->keys[p->groups] = (struct steer_key){.addr = all[i].addr, .side = all[i].side - 1};
            p->at[p->groups++] = (struct steer_place){.first = i};
        }
        p->at[p->groups - 1].count++;
    }
}

int places_make(struct placed *p, const struct steer_match *matches, uint32_t count)
{
    struct entry *all = calloc(2 * (size_t)count + 1, sizeof *all), *end = all;
    *p = (struct placed){0};
    for (uint32_t i = 0; all && i < count; i++) end = match_place(end, &matches[i]);
    p->count = all ? sort_out(all, (uint32_t)(end - all)) : 0;
    p->all = calloc(p->count + 1u, sizeof *p->all);
    p->keys = calloc(p->count + 1u, sizeof *p->keys);
    p->at = calloc(p->count + 1u, sizeof *p->at);
    const bool made = all && p->all && p->keys && p->at;
    if (made) groups_list(p, all);
    free(all);
    if (!made) places_free(p);
    return made ? 0 : -ENOMEM;
}

void places_free(struct placed *p)
{
    free(p->all);
    free(p->keys);
    free(p->at);
    *p = (struct placed){0};
}
