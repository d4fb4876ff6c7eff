/* A record that does not fit before the end begins again at the front; two counters order the threads */
#include "runtime/exchange/spool.h"

#include <errno.h>
#include <sys/mman.h>

/* Head of a record. step: length with the head, a multiple of 8; bytes: length of the body, or SKIP: the ring goes
 * on at its beginning */
struct head {
    uint32_t step, bytes;
};
#define SKIP UINT32_MAX

int spool_init(struct spool *s, uint64_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) return -ENOMEM;
    *s = (struct spool){.memory = at, .size = bytes};
    return 0;
}

void spool_fini(struct spool *s)
{
    if (s->memory) munmap(s->memory, s->size);
    s->memory = NULL;
}

static struct head *head_at(const struct spool *s, uint64_t at) { return (void *)(s->memory + (at & (s->size - 1))); }

void *spool_begin(struct spool *s, size_t bytes, uint64_t spare)
{
    const uint64_t step = (sizeof(struct head) + bytes + 7) & ~UINT64_C(7);
    const uint64_t left = s->size - (s->put & (s->size - 1)), skip = left < step ? left : 0;
    const uint64_t used = s->put - __atomic_load_n(&s->taken, __ATOMIC_ACQUIRE);
    if (step + skip + spare > s->size - used) {
        __atomic_store_n(&s->lost, s->lost + 1, __ATOMIC_RELAXED);
        return NULL;
    }
    if (skip) {
        *head_at(s, s->put) = (struct head){(uint32_t)skip, SKIP};
        __atomic_store_n(&s->put, s->put + skip, __ATOMIC_RELEASE);
    }
    struct head *h = head_at(s, s->put);
    *h = (struct head){(uint32_t)step, (uint32_t)bytes};
    return h + 1;
}

void spool_end(struct spool *s) { __atomic_store_n(&s->put, s->put + head_at(s, s->put)->step, __ATOMIC_RELEASE); }

const void *spool_next(struct spool *s, size_t *bytes)
{
    const uint64_t put = __atomic_load_n(&s->put, __ATOMIC_ACQUIRE);
    if (s->taken != put && head_at(s, s->taken)->bytes == SKIP) spool_done(s);
    if (s->taken == put) return NULL;
    const struct head *h = head_at(s, s->taken);
    *bytes = h->bytes;
    return h + 1;
}

void spool_done(struct spool *s)
{
    __atomic_store_n(&s->taken, s->taken + head_at(s, s->taken)->step, __ATOMIC_RELEASE);
}
