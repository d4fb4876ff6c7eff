/* The ring: each side writes its own count, and reads the other side's before it touches an entry. */
#include "runtime/exchange/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int ring_init(struct ring *r, uint32_t count, uint32_t size)
{
    *r = (struct ring){.entries = calloc(count, size), .mask = count - 1, .size = size};
    return r->entries ? 0 : -ENOMEM;
}

void ring_fini(struct ring *r) { free(r->entries); }

static uint8_t *entry_at(const struct ring *r, uint32_t at) { return r->entries + (size_t)(at & r->mask) * r->size; }

bool ring_put(struct ring *r, const void *entry)
{
    const uint32_t put = __atomic_load_n(&r->put, __ATOMIC_RELAXED);
    if (put - __atomic_load_n(&r->taken, __ATOMIC_ACQUIRE) > r->mask) return false;
    memcpy(entry_at(r, put), entry, r->size);
    __atomic_store_n(&r->put, put + 1, __ATOMIC_RELEASE);
    return true;
}

bool ring_take(struct ring *r, void *entry)
{
    const uint32_t taken = __atomic_load_n(&r->taken, __ATOMIC_RELAXED);
    if (taken == __atomic_load_n(&r->put, __ATOMIC_ACQUIRE)) return false;
    memcpy(entry, entry_at(r, taken), r->size);
    __atomic_store_n(&r->taken, taken + 1, __ATOMIC_RELEASE);
    return true;
}
