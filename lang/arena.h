/* A bump allocator that owns the tree and the names: allocate freely, free everything at once; brief memory, such as
 * the tree's nodes, may be freed before the rest. */
#pragma once

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a);
/* Return zeroed memory aligned for any type; never NULL (heap.h). */
void *arena_alloc(struct arena *a, size_t size);
/* Return zeroed memory aligned for pointers and 64-bit numbers, which arena_free_brief frees; never NULL. */
void *arena_alloc_brief(struct arena *a, size_t size);
void arena_free_brief(struct arena *a);
char *arena_strndup(struct arena *a, const char *s, size_t len);
size_t arena_used(const struct arena *a);
