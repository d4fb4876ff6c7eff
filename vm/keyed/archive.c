/* Tables of groups: only groups with taken slots are written, each with its index and its mask of slots */
#include "vm/keyed/archive.h"

#include "vm/keyed/keyed.h"

enum { ALL_SLOTS = (1 << GROUP) - 1 };

uint32_t archive_group(struct archive *a, uint16_t *tags, uint32_t groups, uint32_t *next)
{
    uint32_t at[2] = {UINT32_MAX, 0}; /* index of the group; mask of its taken slots */
    for (uint32_t i = *next; !a->reads && i < groups && !at[1]; i++) {
        at[1] = tags_taken(tags + (size_t)i * GROUP);
        if (at[1]) at[0] = i;
    }
    if (!ARCHIVE(a, at) || at[0] == UINT32_MAX) return 0;
    if (!archive_sound(a, at[0] >= *next && at[0] < groups && at[1] && at[1] <= ALL_SLOTS)) return 0;
    uint16_t *own = tags + (size_t)at[0] * GROUP;
    archive_part(a, own, GROUP * sizeof *own);
    if (!archive_sound(a, tags_taken(own) == at[1])) return 0;
    *next = at[0] + 1;
    return at[1];
}

/* Make the table again with another number of groups, all empty. */
static bool keyed_resize(struct keyed *t, uint32_t groups)
{
    const struct keyed_cfg cfg = {
        .most = (uint64_t)groups * GROUP * 2 / 3, .key_words = t->key_words, .entry_bytes = t->entry_bytes};
    if ((uint64_t)groups * GROUP * (sizeof *t->tags + sizeof *t->words + t->entry_bytes) > ARCHIVE_RESIZED)
        return false;
    keyed_fini(t);
    t->memory = NULL;
    return keyed_init(t, &cfg) && t->groups == groups;
}

bool keyed_archive(struct keyed *t, struct archive *a)
{
    uint32_t groups = t->groups, next = 0;
    if (!ARCHIVE(a, groups)) return false;
    if (groups != t->groups && !archive_sound(a, keyed_resize(t, groups))) return false;
    ARCHIVE(a, t->hash);
    ARCHIVE(a, t->hand);
    archive_sound(a, t->hand < t->groups);
    if (a->reads) t->used = 0;
    for (uint32_t taken; (taken = archive_group(a, t->tags, t->groups, &next));) {
        if (a->reads) t->used += tags_count(taken);
        TAGS_EACH(taken)
        {
            const uint32_t slot = (next - 1) * GROUP + tags_first(taken);
            ARCHIVE(a, t->words[slot]);
            archive_part(a, keyed_at(t, slot), t->entry_bytes);
        }
    }
    return !a->bad;
}
