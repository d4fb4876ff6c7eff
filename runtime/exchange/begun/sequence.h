/* Words under a sequence number that is odd while they are written (a seqlock). One thread writes; others read, and
 * see by the number if they read a mixture. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Write words. number: atomic; 0: never written; odd: being written. words: each atomic. from: as many words */
static inline void sequence_put(uint64_t *number, uint64_t words[], const void *from, unsigned count)
{
    const uint64_t before = __atomic_load_n(number, __ATOMIC_RELAXED);
    __atomic_store_n(number, before + 1, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < count; i++) {
        uint64_t word;
        memcpy(&word, (const uint8_t *)from + i * sizeof word, sizeof word);
        /* Release: a reader that sees one of these words also sees the odd number. */
        __atomic_store_n(&words[i], word, __ATOMIC_RELEASE);
    }
    __atomic_store_n(number, before + 2, __ATOMIC_RELEASE);
}

/* Copy the words. False: never written, or changed meanwhile; the copy is then invalid. */
static inline bool sequence_get(const uint64_t *number, const uint64_t words[], void *to, unsigned count)
{
    const uint64_t before = __atomic_load_n(number, __ATOMIC_ACQUIRE);
    if (!before || before & 1) return false;
    for (unsigned i = 0; i < count; i++) {
        /* Acquire: all words are read before the number is read again. */
        const uint64_t word = __atomic_load_n(&words[i], __ATOMIC_ACQUIRE);
        memcpy((uint8_t *)to + i * sizeof word, &word, sizeof word);
    }
    return __atomic_load_n(number, __ATOMIC_RELAXED) == before;
}
