/* A program's live sets for the kernel's judge: a cell for each set, and arrays that all sets share. Processes map
 * all of it. One process, the service or a replay, changes members (vm/judge/lives.h); the stages only read them. */
#pragma once

#include "vm/judge/lives.h"
#include "vm/keyed/keyed.h"

struct kernel_live {
    struct keyed table[2];   /* IPv4, IPv6 */
    struct live_shown shown; /* the other values that the judge reads */
    uint64_t first_range;    /* the base's first word in the array of ranges; a multiple of 4 */
    uint64_t half_words;     /* length of each half of the base; a multiple of 4 */
    uint64_t refused; /* atomic: number of rules' members that stages did not report, because the set refuses them or
                         the ring has no room */
};

/* Number of entries in each array. */
struct kernel_lives_layout {
    uint64_t cells, slots, key_words, range_words;
    uint64_t keys; /* number of the first words of the array of keys at which a key may begin */
};
/* Set the layout. Return PBC_NONE, or the first live set beyond the size of a map. */
uint32_t kernel_lives_layout(const struct program *p, struct kernel_lives_layout *l);

struct kernel_lives {
    struct kernel_live *cells;
    uint16_t *tags;         /* [slots] */
    uint64_t *words, *keys; /* [slots], [key_words] */
    uint64_t *ranges;       /* [range_words] */
};
/* Move a program's sets and members into zeroed arrays, and write their places into the cells. Sets that are also in
 * `shared` (NULL: none) stay there unchanged. Return 0; -ENOMEM; or 1 + the number of a set whose file has no room:
 * then some sets have moved. */
int kernel_lives_move(const struct kernel_lives *to, const struct program *p, struct lives *l, uint64_t seed,
                      const struct lives *shared);
