/* Things of one size, in blocks, at most so many: what a connection takes is had from here, so memory is bounded and
 * nothing is asked of the system for each. A block stays once it was needed. One thread's. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { SLAB_CLEAR = 256 }; /* of a thing that was never given out so many bytes are 0, but its first word */

struct slab {
    uint32_t size;       /* bytes of each */
    uint32_t most;       /* of them */
    uint32_t used, made; /* of them: given out; there */
    void *free;
    struct slab_block *blocks; /* the newest first */
};

/* size: bytes of each, rounded up to 64. */
void slab_init(struct slab *s, size_t size, uint32_t most);
void slab_fini(struct slab *s);
/* Not cleared. NULL: there are `most`, or memory is out. */
void *slab_take(struct slab *s);
void slab_give(struct slab *s, void *thing);
/* The thing at that place, given out or not, and how many lie in one piece from there on; 0: there is none. */
uint32_t slab_see(const struct slab *s, uint32_t at, char **things);
