/* Flows by source as processes handle them, see sources.h. */
#include "vm/kernel/keyed/sources.h"

static uint32_t groups_of(uint64_t flows) { return flows > INT32_MAX / 2 ? 0 : keyed_groups(flows * 4 / 3); }

uint64_t kernel_sources_slots(uint64_t flows) { return (uint64_t)groups_of(flows) * GROUP; }

void kernel_sources_fill(struct kernel_sources *s, uint64_t flows, uint64_t seed)
{
    *s = (struct kernel_sources){.table.groups = groups_of(flows),
                                 .table.key_words = SOURCE_WORDS,
                                 .table.entry_bytes = sizeof(struct kernel_source)};
    hash_key_init(&s->table.hash, seed);
}

bool kernel_sources_count(struct kernel_sources *s, uint16_t *tags, uint64_t *words, uint64_t *keys,
                          const struct kernel_source *of)
{
    struct keyed view = s->table;
    struct place at;
    view.tags = tags;
    view.words = words;
    view.entries = (uint8_t *)keys;
    keyed_place(&view, of, SOURCE_WORDS, &at);
    uint32_t slot = keyed_find(&view, &at, of);
    if (slot == KEYED_NONE) {
        slot = keyed_add(&view, &at, of);
        if (slot == KEYED_NONE) return false;
        s->table.used = view.used;
        words[slot] = (uint64_t)(s->version++ & 0x7fffffff) << 32;
    }
    words[slot]++;
    return true;
}
