/* Things of one size, in blocks, at most so many: what a connection takes is had from here, so memory is bounded and
 * nothing is asked of the system for each. A block stays once it was needed. One thread's. */
#ifndef RUNTIME_PROXY_SLAB_H
#define RUNTIME_PROXY_SLAB_H

#include <stddef.h>
#include <stdint.h>

struct slab {
    uint32_t size;       /* bytes of each */
    uint32_t most;       /* of them */
    uint32_t used, made; /* of them: given out; there */
    void *free, *blocks;
};

/* size: bytes of each, rounded up to 64. */
void slab_init(struct slab *s, size_t size, uint32_t most);
void slab_fini(struct slab *s);
/* Not cleared. NULL: there are `most`, or memory is out. */
void *slab_take(struct slab *s);
void slab_give(struct slab *s, void *thing);

#endif
