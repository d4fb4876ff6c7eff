/* Entries wrap around the ring's end; a release of the loop's counter publishes a line */
#include "runtime/proxy/told/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vm/forward/service.h"

struct entry {
    uint64_t target;
    uint32_t len, zero;
};

int lines_init(struct lines *l, uint64_t size)
{
    *l = (struct lines){.bytes = malloc(size), .size = size};
    return l->bytes ? 0 : -ENOMEM;
}

void lines_fini(struct lines *l)
{
    free(l->bytes);
    l->bytes = NULL;
}

static void copy_in(struct lines *l, uint64_t at, const void *from, uint64_t n)
{
    const uint64_t place = at & (l->size - 1), first = n < l->size - place ? n : l->size - place;
    memcpy(l->bytes + place, from, first);
    memcpy(l->bytes, (const uint8_t *)from + first, n - first);
}

static void copy_out(const struct lines *l, uint64_t at, void *to, uint64_t n)
{
    const uint64_t place = at & (l->size - 1), first = n < l->size - place ? n : l->size - place;
    memcpy(to, l->bytes + place, first);
    memcpy((uint8_t *)to + first, l->bytes, n - first);
}

bool lines_put(struct lines *l, uint64_t target, const char *line, uint32_t n, bool *fills)
{
    const struct entry e = {.target = target, .len = n};
    const uint64_t used = l->put - __atomic_load_n(&l->taken, __ATOMIC_ACQUIRE);
    *fills = false;
    if (sizeof e + n > l->size - used) {
        __atomic_fetch_add(&l->lost, 1, __ATOMIC_RELAXED);
        return false;
    }
    *fills = used < l->size / 4 && used + sizeof e + n >= l->size / 4;
    copy_in(l, l->put, &e, sizeof e);
    copy_in(l, l->put + sizeof e, line, n);
    __atomic_store_n(&l->put, l->put + sizeof e + n, __ATOMIC_RELEASE);
    return true;
}

uint32_t lines_take(struct lines *l, uint64_t *target, char line[LINES_MOST])
{
    struct entry e;
    if (__atomic_load_n(&l->put, __ATOMIC_ACQUIRE) == l->taken) return 0;
    copy_out(l, l->taken, &e, sizeof e);
    copy_out(l, l->taken + sizeof e, line, e.len);
    *target = e.target;
    __atomic_store_n(&l->taken, l->taken + sizeof e + e.len, __ATOMIC_RELEASE);
    return e.len;
}

uint64_t lines_target(const char *path)
{
    return lb_siphash((struct lb_hash_key){.k0 = 1, .k1 = 2}, path, strlen(path));
}
