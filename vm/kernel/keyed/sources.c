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
