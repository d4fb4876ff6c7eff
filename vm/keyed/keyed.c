/* Bounded tables by key, see keyed.h */
#include "vm/keyed/keyed.h"

#include <stdlib.h>

#include "vm/keyed/large.h"

enum { LINE = 64 };

static size_t lines(size_t bytes) { return (bytes + LINE - 1) & ~(size_t)(LINE - 1); }

uint32_t keyed_groups(uint64_t most)
{
    const uint64_t groups = most > UINT32_MAX / 2 ? UINT64_MAX : (most * 3 / 2 + GROUP - 1) / GROUP;
    if (groups > UINT32_MAX / GROUP) return 0;
    return groups < 2 ? 2 : (uint32_t)groups;
}

/* All arrays are in one zeroed block, each on its own cache line. Without prefault the system provides a large block
 * page by page as it is touched. */
bool keyed_init(struct keyed *t, const struct keyed_cfg *cfg)
{
    *t =
        (struct keyed){.groups = keyed_groups(cfg->most), .key_words = cfg->key_words, .entry_bytes = cfg->entry_bytes};
    if (!t->groups) return false;
    const size_t slots = (size_t)t->groups * GROUP, tags = lines(slots * sizeof *t->tags),
                 words = lines(slots * sizeof *t->words);
    const size_t bytes = tags + words + slots * cfg->entry_bytes + LINE;
    t->prefault = cfg->prefault;
    t->bytes = bytes;
    t->memory = cfg->prefault ? large_touched(bytes) : large_sparse(bytes);
    if (!t->memory) return false;
    uint8_t *at = t->memory;
    at += lines((uintptr_t)at) - (uintptr_t)at;
    t->tags = (uint16_t *)at;
    t->words = (uint64_t *)(at + tags);
    t->entries = at + tags + words;
    hash_key_init(&t->hash, cfg->seed);
    return true;
}

void keyed_over(struct keyed *t, const struct keyed_cfg *cfg, uint16_t *tags, uint64_t *words, void *entries)
{
    *t = (struct keyed){.tags = tags,
                        .words = words,
                        .entries = entries,
                        .groups = keyed_groups(cfg->most),
                        .key_words = cfg->key_words,
                        .entry_bytes = cfg->entry_bytes};
    hash_key_init(&t->hash, cfg->seed);
}

void keyed_fini(struct keyed *t)
{
    if (t->prefault)
        large_free(t->memory, t->bytes);
    else
        large_sparse_free(t->memory, t->bytes);
}

void *keyed_owner_new(size_t bytes, const struct keyed_cfg *cfg)
{
    void *owner = calloc(1, bytes);
    if (owner && keyed_init(owner, cfg)) return owner;
    free(owner);
    return NULL;
}

void keyed_owner_free(void *owner)
{
    if (owner) keyed_fini(owner);
    free(owner);
}

uint32_t keyed_add(struct keyed *t, const struct place *at, const void *key)
{
    uint32_t left;
    const uint32_t group = place_choose(at, t->tags, &left);
    if (!left) return KEYED_NONE;
    const uint32_t slot = group * GROUP + tags_first(left);
    hash_word *entry = keyed_at(t, slot);
    const hash_word *words = key;
    for (uint32_t i = 0; i < t->entry_bytes / 8; i++) entry[i] = i < t->key_words ? words[i] : 0;
    t->tags[slot] = at->tag;
    *KEYED_WORD(t, slot) = 0;
    t->used++;
    return slot;
}

uint32_t keyed_up_to(const struct keyed *t, uint32_t group, uint64_t word)
{
    const uint64_t *words = t->words + (size_t)group * GROUP;
    uint32_t found = 0;
    for (unsigned i = 0; i < GROUP; i++) found |= (uint32_t)(words[i] <= word) << i;
    return found & tags_taken(t->tags + (size_t)group * GROUP);
}

uint32_t keyed_lowest(const struct keyed *t, const struct place *at)
{
    uint32_t lowest = place_slot(at, 0);
    for (unsigned i = 1; i < 2 * GROUP; i++)
        if (t->words[place_slot(at, i)] < t->words[lowest]) lowest = place_slot(at, i);
    return lowest;
}
