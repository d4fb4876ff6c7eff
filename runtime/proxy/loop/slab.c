/* The first word of a free thing points to the next */
#include "runtime/proxy/loop/slab.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 1 << 16, ALIGN = 64 };

struct slab_block {
    struct slab_block *next;
    uint32_t first, count; /* range of places of its things */
};

void slab_init(struct slab *s, size_t size, uint32_t most)
{
    *s = (struct slab){.size = (uint32_t)((size + ALIGN - 1) / ALIGN * ALIGN), .most = most};
}

void slab_fini(struct slab *s)
{
    while (s->blocks) {
        struct slab_block *b = s->blocks;
        s->blocks = b->next;
        free(b);
    }
    slab_init(s, s->size, s->most);
}

static void add_block(struct slab *s)
{
    uint32_t n = s->size < BLOCK_BYTES ? BLOCK_BYTES / s->size : 1;
    if (n > s->most - s->made) n = s->most - s->made;
    if (!n) return;
    char *b = aligned_alloc(ALIGN, ALIGN + (size_t)n * s->size);
    if (!b) return;
    struct slab_block *block = (void *)b;
    *block = (struct slab_block){.next = s->blocks, .first = s->made, .count = n};
    s->blocks = block;
    s->made += n;
    for (uint32_t i = n; i-- > 0;) {
        void *thing = b + ALIGN + (size_t)i * s->size;
        memset(thing, 0, s->size < SLAB_CLEAR ? s->size : SLAB_CLEAR);
        *(void **)thing = s->free;
        s->free = thing;
    }
}

void *slab_take(struct slab *s)
{
    if (!s->free) add_block(s);
    void *thing = s->free;
    if (!thing) return NULL;
    s->free = *(void **)thing;
    s->used++;
    return thing;
}

void slab_give(struct slab *s, void *thing)
{
    *(void **)thing = s->free;
    s->free = thing;
    s->used--;
}

uint32_t slab_see(const struct slab *s, uint32_t at, char **things)
{
    const struct slab_block *b = s->blocks;
    if (at >= s->made) return 0;
    while (b->first > at) b = b->next;
    *things = (char *)b + ALIGN + (size_t)(at - b->first) * s->size;
    return b->first + b->count - at;
}
