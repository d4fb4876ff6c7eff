/* Answers of live sets to a worker, as a recording has them: those of one step, each with its question. A worker hears
 * them (struct heard_answers); a replay gives the same ones again (struct heard_again).
 *
 *      | set, how, times | address | set, how, times | address | ...      in the order in which they were first asked
 *
 * A question is a set and an address. While its answer stays the same, the question is written once, with the number
 * of times that it was asked; a different answer makes a further entry. So each question of a step has its own row
 * of answers, and the order among questions does not matter. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/judge/lives.h"
#include "vm/keyed/keyed.h"

enum heard_how { HEARD_HELD = 1 /* the set holds the address */, HEARD_IP6 = 2 };
enum { HEARD_WORDS = 2048 /* words of the entries that a worker keeps */, HEARD_RECENT = 256 };
/* The head of an entry. The address follows, as in struct key: one word for IPv4, four for IPv6. */
struct heard_entry {
    uint8_t live, how; /* number of the set in LIVES; enum heard_how */
    uint16_t times;    /* number of times that the question was asked, from 1 on */
};

struct heard_answers {
    struct lives_ear ear; /* ear for lives_listen */
    uint32_t words[HEARD_WORDS];
    unsigned used, count;          /* number of words, and of entries */
    uint16_t recent[HEARD_RECENT]; /* by hash of a question: 1 + first word of the last entry with that hash; 0: none */
    void (*full)(
        void *arg,
        struct heard_answers *h); /* takes the entries and calls heard_clear, because another entry has no room */
    void *arg;
};
void heard_init(struct heard_answers *h, void (*full)(void *arg, struct heard_answers *h), void *arg);
void heard_clear(struct heard_answers *h);

/* The recorded answers for a replay. A zeroed struct is empty. */
struct heard_again {
    struct lives_ear ear; /* ear for lives_listen */
    struct heard_row {
        uint32_t addr[4];
        uint8_t live, how;
        uint16_t times;
        uint32_t next; /* 1 + the next row of the same question; 0: none */
    } * rows;
    uint32_t count, room;
    struct hash_key hash;
    uint32_t *places; /* [2 * count] by hash of a question: 1 + row with its present answer; 0: free */
    bool placed;      /* `places` is filled in */
    uint64_t missing; /* questions without a recorded answer, answered by no */
    /* Number of a set in the recorded program, by its number in the judging program; PBC_NONE: the recorded program
     * has no such set. NULL: the numbers are the same. */
    const uint32_t *same;
};
/* Initialise. `seed` must be unknown to the maker of a recording. */
void heard_again_init(struct heard_again *h, uint64_t seed);
void heard_again_fini(struct heard_again *h);
/* Forget all answers, for the next step; `missing` stays. */
void heard_again_clear(struct heard_again *h);
/* Add `count` entries from `len` hostile bytes, with padding up to a multiple of eight bytes. Return 0; -EINVAL:
 * malformed; or -ENOMEM. */
int heard_again_add(struct heard_again *h, const uint8_t *bytes, size_t len, uint64_t count);
