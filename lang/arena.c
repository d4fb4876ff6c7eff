/* Bump allocation in growing blocks. A large request gets a separate block, so that it wastes no part of another. */
#include "lang/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lang/heap.h"

#define BLOCK_MIN ((size_t)16 << 10)
#define BLOCK_MAX ((size_t)1 << 20)

struct block {
    struct block *next;
    size_t used, size;
    alignas(max_align_t) unsigned char bytes[];
};

struct blocks {
    struct block *head; /* block being filled; full blocks follow */
    size_t next_size;
};

struct arena {
    struct blocks lasting, brief;
    size_t used; /* total bytes ever asked for */
};

struct arena *arena_new(void)
{
    struct arena *a = heap_zeroed(1, sizeof(*a));
    a->lasting.next_size = a->brief.next_size = BLOCK_MIN;
    return a;
}

static void blocks_free(struct blocks *all)
{
    for (struct block *b = all->head, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    all->head = NULL;
}

void arena_free_brief(struct arena *a) { blocks_free(&a->brief); }

void arena_free(struct arena *a)
{
    if (!a) return;
    blocks_free(&a->brief);
    blocks_free(&a->lasting);
    free(a);
}

static struct block *block_new(size_t size)
{
    if (size > SIZE_MAX - sizeof(struct block)) out_of_memory();
    struct block *b = heap_zeroed(1, sizeof(*b) + size);
    b->size = size;
    return b;
}

/* Return a block with room for `size`. A block for a single large request goes behind the head, which stays in use. */
static struct block *block_for(struct blocks *a, size_t size)
{
    if (a->head && a->head->size - a->head->used >= size) return a->head;
    if (size > a->next_size / 4 && a->head) {
        struct block *b = block_new(size);
        b->next = a->head->next;
        a->head->next = b;
        return b;
    }
    struct block *b = block_new(size > a->next_size ? size : a->next_size);
    b->next = a->head;
    a->head = b;
    if (a->next_size < BLOCK_MAX) a->next_size *= 2;
    return b;
}

static void *blocks_take(struct arena *a, struct blocks *from, size_t size, size_t align)
{
    if (size > SIZE_MAX - align) out_of_memory();
    size = (size + align - 1) & ~(align - 1);
    struct block *b = block_for(from, size);
    void *p = b->bytes + b->used;
    b->used += size;
    a->used += size;
    return p;
}

void *arena_alloc(struct arena *a, size_t size) { return blocks_take(a, &a->lasting, size, alignof(max_align_t)); }

void *arena_alloc_brief(struct arena *a, size_t size) { return blocks_take(a, &a->brief, size, alignof(uint64_t)); }

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
    char *copy = arena_alloc(a, len + 1);
    if (len) memcpy(copy, s, len);
    return copy;
}

size_t arena_used(const struct arena *a) { return a->used; }
