/* Members of live sets as bytes, by the names of their sets: for the process that takes over, and for a file. */
#include <stdlib.h>
#include <string.h>

#include "vm/judge/lives.h"
#include "vm/keyed/archive.h"

enum { SOME = 256, NAME_BYTES = 256, OF_NAMES = 2 /* not a hash: these are odd */ };

/* A set in the archive, followed by this many members and ranges. */
struct kept_set {
    char name[NAME_BYTES];
    uint64_t members;
    uint32_t count4, count6;
    uint32_t keep;
    uint32_t file; /* hash of the path of its file, OF_NAMES; 0: neither file nor names fill it */
};
struct kept_member {
    uint32_t addr[4];
    uint64_t end_ms;
    uint8_t len, v6, zero[6];
};

static void members_write(struct archive *a, const struct live_set *s, uint64_t now_ms, uint64_t *count)
{
    struct live_entry some[SOME];
    uint64_t at = 0;
    for (unsigned n; (n = live_list(s, now_ms, &at, some, SOME)) && !a->bad; *count += n)
        for (unsigned i = 0; i < n; i++) {
            struct kept_member m = {.end_ms = some[i].end_ms, .len = some[i].net.len, .v6 = some[i].net.v6};
            memcpy(m.addr, some[i].net.addr, sizeof m.addr);
            ARCHIVE(a, m);
        }
}

static uint32_t file_of(const struct program *p, uint32_t live)
{
    uint32_t hash = 2166136261u; /* hash by FNV-1a */
    const char *path = program_str(p, p->lives[live].file);
    if (p->lives[live].names) return OF_NAMES;
    for (const char *c = path; *c; c++) hash = (hash ^ (uint8_t)*c) * 16777619u;
    return *path ? hash | 1 : 0;
}

static void set_write(struct archive *a, const struct lives *l, const struct program *p, uint32_t live)
{
    const struct live_set *s = lives_set(l, live);
    const struct live_base base = live_base(s);
    struct kept_set k = {.count4 = base.count4,
                         .count6 = base.count6,
                         .keep = p->lives[live].flags & PBC_LIVE_KEEP,
                         .file = file_of(p, live)};
    uint8_t *const head = a->at;
    strncpy(k.name, program_str(p, p->lives[live].name), sizeof k.name - 1);
    if (!ARCHIVE(a, k)) return;
    members_write(a, s, lives_now(l), &k.members);
    if (!a->bad) memcpy(head, &k, sizeof k);
    archive_part(a, (void *)(uintptr_t)base.r4, base.count4 * sizeof *base.r4);
    archive_part(a, (void *)(uintptr_t)base.r6, base.count6 * sizeof *base.r6);
}

/* Clear the bits behind the network's length. False: invalid length for the family. */
static bool net_read(const struct kept_member *m, struct live_net *net)
{
    uint32_t unused[4];
    *net = (struct live_net){.len = m->len, .v6 = m->v6};
    memcpy(net->addr, m->addr, sizeof net->addr);
    if (m->v6 > 1 || m->len > (m->v6 ? 128 : 32)) return false;
    live_net_ends(net, net->addr, unused);
    return true;
}

static void members_read(struct archive *a, struct lives *l, const struct program *p, uint32_t live, uint64_t count,
                         int64_t later_ms)
{
    const uint64_t now_ms = lives_now(l);
    for (; count && !a->bad; count--) {
        struct kept_member m;
        struct live_net net;
        if (!ARCHIVE(a, m) || !archive_sound(a, net_read(&m, &net) && m.end_ms <= LIVE_FOREVER)) return;
        const uint64_t end_ms = m.end_ms == LIVE_FOREVER ? LIVE_FOREVER : m.end_ms + (uint64_t)later_ms;
        if (end_ms <= now_ms || end_ms > LIVE_FOREVER || lives_refuse(p, live, &net) != LIVE_MAY) continue;
        live_add(lives_set(l, live), now_ms, &net, end_ms, LIVE_SET);
    }
}

static bool allowed4(const struct program *p, uint32_t live, const struct pbc_range *r)
{
    const uint32_t lo[4] = {r->lo}, hi[4] = {r->hi};
    return lives_refuse_range(p, live, false, lo, hi) == LIVE_MAY;
}

static bool allowed6(const struct program *p, uint32_t live, const struct pbc_range6 *r)
{
    uint32_t lo[4], hi[4];
    range6_words(r, lo, hi);
    return lives_refuse_range(p, live, true, lo, hi) == LIVE_MAY;
}

/* True if range b begins behind range a, with an address between them. */
static bool apart6(const struct pbc_range6 *a, const struct pbc_range6 *b)
{
    const unsigned __int128 end = (unsigned __int128)a->hi_hi << 64 | a->hi_lo,
                            begin = (unsigned __int128)b->lo_hi << 64 | b->lo_lo;
    return end < begin && begin - end > 1;
}

static bool runs_upward6(const struct pbc_range6 *r)
{
    return r->lo_hi < r->hi_hi || (r->lo_hi == r->hi_hi && r->lo_lo <= r->hi_lo);
}

/* Read the ranges of a base, and leave out addresses that the set may not hold now. */
static void base_read(struct archive *a, struct lives *l, const struct program *p, uint32_t live,
                      const struct kept_set *k, struct lives_read *how)
{
    const uint64_t bytes4 = k->count4 * sizeof(struct pbc_range), bytes6 = k->count6 * sizeof(struct pbc_range6);
    if (!archive_sound(a, bytes4 + bytes6 <= a->left)) return;
    struct pbc_range *r4 = malloc(bytes4 + 1);
    struct pbc_range6 *r6 = malloc(bytes6 + 1);
    struct live_base base = {.r4 = r4, .r6 = r6};
    a->bad |= !r4 || !r6;
    if (!a->bad) archive_part(a, r4, bytes4), archive_part(a, r6, bytes6);
    for (uint32_t i = 0; i < k->count4 && !a->bad; i++) {
        const bool behind = !i || (r4[i - 1].hi < r4[i].lo && r4[i].lo - r4[i - 1].hi > 1);
        archive_sound(a, behind && r4[i].lo <= r4[i].hi);
    }
    for (uint32_t i = 0; i < k->count6 && !a->bad; i++)
        archive_sound(a, runs_upward6(&r6[i]) && (!i || apart6(&r6[i - 1], &r6[i])));
    for (uint32_t i = 0; i < k->count4 && !a->bad; i++)
        if (allowed4(p, live, &r4[i])) r4[base.count4++] = r4[i];
    for (uint32_t i = 0; i < k->count6 && !a->bad; i++)
        if (allowed6(p, live, &r6[i])) r6[base.count6++] = r6[i];
    struct live_set *const s = lives_set(l, live);
    if (!live_base_fits(s, &base)) how->no_room = live + 1;
    if (!a->bad && base.count4 + base.count6 && live_base_fits(s, &base)) a->bad = !live_replace(s, &base);
    free(r4);
    free(r6);
}

static bool skip(struct archive *a, uint64_t bytes)
{
    if (!archive_sound(a, bytes <= a->left)) return false;
    a->at += bytes;
    a->left -= bytes;
    return true;
}

static void set_read(struct archive *a, struct lives *l, const struct program *p, struct lives_read *how)
{
    struct kept_set k;
    if (!ARCHIVE(a, k) || !archive_sound(a, memchr(k.name, '\0', sizeof k.name) && k.members <= LIVE_SIZE_MOST)) return;
    const uint32_t live = l ? lives_find(p, k.name) : PBC_NONE;
    /* A set with a file has only the file's addresses, a set with names only the names'. */
    const bool others = live != PBC_NONE && pbc_live_is_filled(&p->lives[live]) && k.file != file_of(p, live);
    if (live == PBC_NONE || (how->kept && !k.keep) || others) {
        skip(a, k.members * sizeof(struct kept_member) + k.count4 * sizeof(struct pbc_range) +
                    k.count6 * sizeof(struct pbc_range6));
        return;
    }
    members_read(a, l, p, live, k.members, how->later_ms);
    if (!a->bad) base_read(a, l, p, live, &k, how);
}

bool lives_archive(struct lives *l, const struct program *p, struct archive *a, struct lives_read *how)
{
    uint32_t count = l ? l->count : 0;
    ARCHIVE(a, count);
    archive_sound(a, count <= PBC_LIVES_MAX);
    for (uint32_t i = 0; i < count && !a->bad; i++) {
        if (a->reads)
            set_read(a, l, p, how);
        else
            set_write(a, l, p, i);
    }
    return !a->bad;
}

uint64_t lives_archive_most(const struct lives *l)
{
    uint64_t bytes = sizeof(uint32_t);
    for (uint32_t i = 0; l && i < l->count; i++) {
        const struct live_set *s = lives_set(l, i);
        const struct live_base base = live_base(s);
        bytes += sizeof(struct kept_set) + live_counts(s).members * sizeof(struct kept_member) +
                 base.count4 * sizeof *base.r4 + base.count6 * sizeof *base.r6;
    }
    return bytes;
}
