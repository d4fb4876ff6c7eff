/* malloc and realloc for callers that cannot continue without memory: the only place where a compile runs out of
 * memory. */
#include "lang/heap.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

void out_of_memory(void)
{
    fputs("preyc: out of memory\n", stderr);
    exit(2);
}

static void *given(void *p)
{
    if (!p) out_of_memory();
    return p;
}

void *heap_zeroed(size_t count, size_t size) { return given(calloc(count ? count : 1, size)); }

void *heap_resized(void *array, size_t count, size_t size)
{
    return given(reallocarray(array, count ? count : 1, size));
}

void *heap_grown(void *array, size_t count, size_t size, uint32_t *cap)
{
    uint32_t room = *cap ? *cap : 16;
    if (count <= *cap) return array;
    while (room < count)
        if (__builtin_add_overflow(room, room, &room)) out_of_memory();
    *cap = room;
    return heap_resized(array, room, size);
}

char *heap_strdup(const char *s) { return given(strdup(s)); }

char *heap_format(const char *fmt, va_list ap)
{
    char *text = NULL;
    if (vasprintf(&text, fmt, ap) < 0) out_of_memory();
    return text;
}

static void node_stays(void *node) {}

void heap_tree_free(void *tree) { tdestroy(tree, node_stays); }

FILE *heap_stream(char **text, size_t *len) { return given(open_memstream(text, len)); }

void heap_stream_end(FILE *stream)
{
    if (fclose(stream) != 0) out_of_memory();
}
