/* Flows by source in the kernel: the place of their table. */
#define inline inline __attribute__((always_inline))
#include "vm/kernel/bpf.h"
#include "vm/kernel/loop.bpf.h"

/* Rows of runtime/kernel/maps/map.def. Each array is longer than its mask reaches. */
extern uint16_t state_source_tags[];
extern uint64_t state_source_words[], state_source_keys[];
extern const char last_source_tags, last_source_keys;

#define TABLE_TAGS      state_source_tags
#define TABLE_WORDS     state_source_words
#define TABLE_KEYS      state_source_keys
#define TABLE_SLOTS     (LAST(source_tags) + 1 - GROUP)
#define TABLE_KEY_WORDS (LAST(source_keys) + 1 - TABLE_KEY_MOST)
#define TABLE_KEY_MOST  3
#include "vm/kernel/keyed/keyed.bpf.h"
#include "vm/kernel/keyed/sources.h"

extern struct kernel_sources state_sources;
#define SOURCES (&state_sources)
#include "vm/kernel/keyed/sources.bpf.h"
