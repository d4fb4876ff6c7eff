/* Notes of all sets, and the users who replaced their bases, as bytes. They follow the members in the file and in a
 * takeover; earlier versions have nothing there */
#include <stdlib.h>
#include <string.h>

#include "runtime/live/carry/change.h"
#include "runtime/live/rules/members/members.h"
#include "runtime/live/tell/log.h"
#include "vm/keyed/keyed.h"

enum {
    NAME_MOST = 255 /* most bytes of a set's name */,
    REPLACED_MOST = 1 << 16 /* most bytes of everything that is kept beside notes */
};

/* A set in the archive, followed by its name, and by its notes in `bytes` bytes. */
struct kept_beside {
    uint64_t bytes, replaced_ns;
    uint32_t replaced_by, name; /* name: length in bytes */
};

static struct member_set *set_at(const struct rules *rules, uint32_t live)
{
    const struct program *p = rules->carry->now.program;
    return members_named(rules, program_str(p, p->lives[live].name));
}

static bool has_base(const struct live_set *table)
{
    const struct live_base base = live_base(table);
    return base.count4 || base.count6;
}

static void beside_write(const struct rules *rules, uint32_t live, struct archive *a)
{
    const struct member_set *s = set_at(rules, live);
    struct kept_beside k = {
        .replaced_ns = s->replaced_ns, .replaced_by = s->replaced_by, .name = (uint32_t)strnlen(s->name, NAME_MOST)};
    uint8_t *const head = a->at;
    ARCHIVE(a, k);
    archive_part(a, s->name, k.name);
    const uint8_t *const from = a->at;
    notes_archive(s->notes, a, NULL, members_now_ms(), 0);
    k.bytes = (uint64_t)(a->at - from);
    if (!a->bad) memcpy(head, &k, sizeof k);
}

/* Read the notes of an existing set, whose members have been read. */
static void beside_read(const struct rules *rules, struct archive *a, int64_t later_ms)
{
    struct kept_beside k = {.bytes = 0};
    char name[NAME_MOST + 1] = "";
    if (!ARCHIVE(a, k) || !archive_sound(a, k.name <= NAME_MOST) || !archive_part(a, name, k.name)) return;
    if (!archive_sound(a, k.bytes <= a->left)) return;
    struct archive part = {.at = a->at, .left = k.bytes, .reads = true};
    const uint32_t live = lives_find(rules->carry->now.program, name);
    struct member_set *s = live == PBC_NONE ? NULL : set_at(rules, live);
    a->at += k.bytes;
    a->left -= k.bytes;
    if (!s) return;
    const struct live_set *table = lives_set(rules->carry->now.lives, live);
    a->bad |= !notes_archive(s->notes, &part, table, members_now_ms(), later_ms);
    if (!has_base(table)) return;
    s->replaced_ns = k.replaced_ns;
    s->replaced_by = k.replaced_by;
}

bool members_notes_archive(const struct rules *rules, struct archive *a, int64_t later_ms)
{
    const struct lives *l = rules->carry->now.lives;
    uint32_t count = l ? l->count : 0;
    if (a->reads && !a->left) return true; /* from a version that keeps no notes */
    ARCHIVE(a, count);
    archive_sound(a, count <= PBC_LIVES_MAX);
    for (uint32_t i = 0; i < count && !a->bad; i++)
        if (!a->reads)
            beside_write(rules, i, a);
        else if (l)
            beside_read(rules, a, later_ms);
    return !a->bad;
}

void members_notes_ahead(const struct rules *rules)
{
    const uint64_t most = members_notes_most(rules);
    struct members_notes *n = &rules->members->passing;
    *n = (struct members_notes){.bytes = malloc(most)};
    struct archive a = {.at = n->bytes, .left = n->bytes ? most : 0};
    if (members_notes_archive(rules, &a, 0)) n->len = (uint64_t)(a.at - n->bytes);
}

void members_notes_free(const struct rules *rules)
{
    free(rules->members->passing.bytes);
    rules->members->passing = (struct members_notes){.len = 0};
}

void members_notes_pass(const struct rules *rules, struct archive *a)
{
    struct members_notes *n = &rules->members->passing;
    uint64_t len = n->len <= a->left / 2 ? n->len : 0;
    if (a->reads && !a->left) return; /* from a version that keeps no notes */
    if (!a->reads && !len) tell_fault(rules->tell, "sets: no room for comments and users of members: they are lost");
    if (!ARCHIVE(a, len)) return;
    if (!a->reads) {
        archive_part(a, n->bytes, len);
        return;
    }
    if (!archive_sound(a, len <= a->left)) return;
    *n = (struct members_notes){a->at, len};
    a->at += len;
    a->left -= len;
}

void members_notes_read(const struct rules *rules)
{
    struct members_notes *n = &rules->members->passing;
    struct archive a = {.at = n->bytes, .left = n->len, .reads = true};
    if (!members_notes_archive(rules, &a, 0))
        tell_fault(rules->tell, "sets: comments and users handed over with members are damaged; prey ignores them");
    *n = (struct members_notes){.len = 0};
}

uint64_t members_notes_most(const struct rules *rules)
{
    const struct lives *l = rules->carry->now.lives;
    uint64_t bytes = REPLACED_MOST;
    for (uint32_t i = 0; l && i < l->count; i++) bytes += notes_archive_most(set_at(rules, i)->notes);
    return bytes;
}

uint64_t members_notes_changes(const struct rules *rules)
{
    const struct lives *l = rules->carry->now.lives;
    uint64_t n = 0;
    for (uint32_t i = 0; l && i < l->count; i++) n += notes_changes(set_at(rules, i)->notes);
    return n;
}
