/* Memory of a build: every byte is counted; temporary memory of the recursion is on a stack of chunks. */
#include <stdlib.h>
#include <string.h>

#include "compiler/classify/tree/builder_priv.h"

enum { CHUNK_BYTES = 1 << 16, ARRAY_FIRST = 64 };

struct chunk {
    struct chunk *below;
    size_t used, cap;
    _Alignas(16) unsigned char bytes[];
};

static void memory_count(struct build *b, uint64_t taken, uint64_t given)
{
    b->held += taken;
    if (b->held > b->peak) b->peak = b->held;
    b->held -= given;
}

void *mem_take(struct build *b, size_t bytes)
{
    void *p = malloc(bytes ? bytes : 1);
    if (p)
        memory_count(b, bytes, 0);
    else
        b->failed = true;
    return p;
}

void mem_give(struct build *b, void *p, size_t bytes)
{
    if (p) memory_count(b, 0, bytes);
    free(p);
}

/* Make room for `more` members behind `count`; arrays grow by a quarter, since the largest are most of the image. */
void *mem_grow(struct build *b, void *array, uint32_t count_now, uint32_t *cap, size_t size, uint32_t more)
{
    if (*cap - count_now >= more) return array;
    uint32_t larger = *cap + *cap / 4 + ARRAY_FIRST;
    if (larger - count_now < more) larger = count_now + more;
    void *grown = realloc(array, larger * size);
    if (!grown) {
        b->failed = true;
        return NULL;
    }
    memory_count(b, (larger - *cap) * size, 0);
    *cap = larger;
    return grown;
}

struct stack_mark stack_mark(const struct build *b)
{
    return (struct stack_mark){b->stack.top, b->stack.top ? b->stack.top->used : 0};
}

void *stack_get(struct build *b, size_t bytes)
{
    bytes = (bytes + 15) & ~(size_t)15;
    struct chunk *top = b->stack.top;
    if (!top || top->cap - top->used < bytes) {
        const size_t cap = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
        struct chunk *fresh = mem_take(b, sizeof *fresh + cap);
        if (!fresh) return NULL;
        *fresh = (struct chunk){.below = top, .cap = cap};
        b->stack.top = top = fresh;
    }
    void *p = top->bytes + top->used;
    top->used += bytes;
    return p;
}

void stack_release(struct build *b, struct stack_mark mark)
{
    while (b->stack.top != mark.chunk) {
        struct chunk *gone = b->stack.top;
        b->stack.top = gone->below;
        mem_give(b, gone, sizeof *gone + gone->cap);
    }
    if (mark.chunk) mark.chunk->used = mark.used;
}
