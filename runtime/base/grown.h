/* Arrays that grow. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more of `size` bytes behind `count`. at: where the pointer to the array lies, whatever it points to.
 * *room doubles where it is used up, from `least` on. False: memory is out, and all is as it was. */
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
