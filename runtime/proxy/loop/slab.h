/* Things of one size, in blocks, up to a maximum: all memory of a connection comes from slabs, so memory is bounded,
 * and a connection costs no system call. Blocks are never freed. For one thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { SLAB_CLEAR = 256 }; /* leading bytes that are 0, except the first word, in a thing never given out */

struct slab {
    uint32_t size;       /* bytes of each thing */
    uint32_t most;       /* maximum number of things */
    uint32_t used, made; /* number of things given out, and of things in blocks */
    void *free;
    struct slab_block *blocks; /* the newest first */
};

/* Make an empty slab. size: bytes of each thing, rounded up to 64. */
void slab_init(struct slab *s, size_t size, uint32_t most);
void slab_fini(struct slab *s);
/* Return a thing, not cleared; NULL: `most` are in use, or out of memory */
void *slab_take(struct slab *s);
void slab_give(struct slab *s, void *thing);
/* Find the thing at a place, given out or not. Return the number of contiguous things from it on; 0: none. */
uint32_t slab_see(const struct slab *s, uint32_t at, char **things);
