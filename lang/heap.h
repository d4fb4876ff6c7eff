/* Heap memory of a compile: no call returns NULL. A compile cannot go on without memory, so running out of it ends
 * the process with one line and status 2. Memory that lives as long as the compile belongs in an arena (arena.h). */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

_Noreturn void out_of_memory(void);

/* Return `count` zeroed members of `size` bytes, which the caller frees. */
void *heap_zeroed(size_t count, size_t size);
/* Return the array with room for `count` members of `size` bytes, perhaps moved; new members are not set. */
void *heap_resized(void *array, size_t count, size_t size);
/* Return the array with room for `count` members, doubled from *cap until they fit; set *cap. */
void *heap_grown(void *array, size_t count, size_t size, uint32_t *cap);
char *heap_strdup(const char *s);
char *heap_format(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));
/* Free a tree of tsearch (search.h); objects that its nodes point to stay. */
void heap_tree_free(void *tree);

/* Open a stream that writes into memory; heap_stream_end sets *text and *len. The caller frees *text. */
FILE *heap_stream(char **text, size_t *len);
void heap_stream_end(FILE *stream);
