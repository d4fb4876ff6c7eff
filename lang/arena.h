/* A bump allocator that owns the tree and the names: allocate freely, free everything at once. */
#ifndef LANG_ARENA_H
#define LANG_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a);
/* Zeroed, aligned for any type. Out of memory ends the process with exit status 2 and one line: a compile cannot go on.
 */
void *arena_alloc(struct arena *a, size_t size);
char *arena_strndup(struct arena *a, const char *s, size_t len);
size_t arena_used(const struct arena *a);

#endif
