/* Arrays that grow. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Make room for one more element of `size` bytes behind `count`. at: address of the pointer to the array, of any
 * type. If it is used up, *room doubles, from `least` on. False: out of memory, nothing changed. */
static inline bool grow(void *at, uint32_t count, uint32_t *room, uint32_t least, size_t size)
{
    void *all;
    if (count < *room) return true;
    memcpy(&all, at, sizeof all);
    const uint32_t more = *room ? 2 * *room : least;
    all = reallocarray(all, more, size);
    if (!all) return false;
    memcpy(at, &all, sizeof all);
    *room = more;
    return true;
}

/* Make room in a ring, as grow does; the first of its `count` entries is at *begin. */
static inline bool ring_grow(void *at, size_t count, size_t *room, size_t *begin, size_t least, size_t size)
{
    uint8_t *old, *ring;
    if (count < *room) return true;
    memcpy(&old, at, sizeof old);
    const size_t more = *room ? 2 * *room : least, front = *begin * size;
    ring = reallocarray(NULL, more, size);
    if (!ring) return false;
    if (old) memcpy(ring, old + front, count * size - front);
    if (old) memcpy(ring + count * size - front, old, front);
    free(old);
    memcpy(at, &ring, sizeof ring);
    *room = more;
    *begin = 0;
    return true;
}
