/* Marks of the tuples of open inline connections, for the kernel executor: it hands up packets whose mark is set,
 * and the worker looks for the connection (vm/kernel/look/marked.bpf.h). One worker writes the marks, and all
 * processors read them. A mark leaves out VLAN tags, and different tuples may share one. */
#pragma once

#include <stdbool.h>

#include "vm/keyed/hash.h"

enum { INLINE_MARKS = 1 << 19, INLINE_MARK_FULL = UINT16_MAX };

struct inline_marks {
    struct hash_key key;       /* secret, so that strangers can't choose ends whose mark is set */
    uint64_t live;             /* number of marked tuples; 0: only full marks are set */
    uint16_t at[INLINE_MARKS]; /* number of tuples with that mark; at INLINE_MARK_FULL it stays set for good */
};

static inline uint64_t mark_of_end(const struct hash_key *k, const uint32_t addr[4], uint16_t port)
{
    const uint64_t words[3] = {hash_pair(addr[0], addr[1]), hash_pair(addr[2], addr[3]), port};
    return hash_words(k, words, 3);
}

/* Return the mark of a tuple: the same in both directions. */
static inline uint32_t mark_of(const struct inline_marks *m, const uint32_t a[4], uint16_t a_port, const uint32_t b[4],
                               uint16_t b_port)
{
    const uint64_t both = mark_of_end(&m->key, a, a_port) + mark_of_end(&m->key, b, b_port);
    return (uint32_t)(both >> 20) & (INLINE_MARKS - 1);
}

/* Add a tuple to its mark, or take one away if `set` is false. */
static inline void mark_set(struct inline_marks *m, uint32_t mark, bool set)
{
    uint16_t *at = &m->at[mark];
    const uint64_t live = m->live;
    __atomic_store_n(&m->live, set ? live + 1 : live - 1, __ATOMIC_RELAXED);
    if (*at == INLINE_MARK_FULL) return;
    __atomic_store_n(at, (uint16_t)(set ? *at + 1 : *at - 1), __ATOMIC_RELEASE);
}
