/* Sharing: equal strings, and equal runs of section entries, are in the image once: ten thousand rules for port 443
 * hold one range. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/image/image.h"
#include "lang/hash.h"
#include "lang/heap.h"

struct run {
    uint32_t hash, first, count; /* count 0: a free slot */
};

/* A hash table with open addressing over runs placed already; size is a power of two. */
struct run_table {
    struct run *slots;
    uint32_t used, size;
};

struct section {
    const char *bytes;
    size_t entry_size;
};

static struct section section_of(const struct image *img, enum pbc_kind kind)
{
    switch (kind) {
#define X(ident, field, type, most)                                                                                    \
    case PBC_##ident: return (struct section){(const char *)img->field, sizeof(type)};
        PBC_SECTIONS(X)
#undef X
    case PBC_KINDS: break;
    }
    abort();
}

static struct run *run_find(const struct run_table *t, struct section s, uint32_t hash, const void *entries, uint32_t n)
{
    const size_t len = n * s.entry_size;
    for (uint32_t i = hash;; i++) {
        struct run *r = &t->slots[i & (t->size - 1)];
        if (r->count == 0 ||
            (r->hash == hash && r->count == n && memcmp(s.bytes + r->first * s.entry_size, entries, len) == 0))
            return r;
    }
}

static void grow_table(struct run_table *t)
{
    const struct run_table old = *t;
    t->size = old.size ? old.size * 2 : 64;
    t->slots = heap_zeroed(t->size, sizeof(*t->slots));
    for (uint32_t i = 0; i < old.size; i++) {
        uint32_t to = old.slots[i].hash;
        if (!old.slots[i].count) continue;
        while (t->slots[to & (t->size - 1)].count) to++;
        t->slots[to & (t->size - 1)] = old.slots[i];
    }
    free(old.slots);
}

/* Append the run; false past the bound, with the section unchanged. */
static bool run_append(struct image *img, enum pbc_kind kind, const void *entries, uint32_t n, uint32_t *first)
{
    switch (kind) {
#define X(ident, field, type, most)                                                                                    \
    case PBC_##ident:                                                                                                  \
        if ((uint64_t)img->field##_count + n > (most)) return false;                                                   \
        *first = img->field##_count;                                                                                   \
        for (uint32_t i = 0; i < n; i++) *image_add_##field(img) = ((const type *)entries)[i];                         \
        return true;
        PBC_SECTIONS(X)
#undef X
    case PBC_KINDS: break;
    }
    abort();
}

/* Return the slot of the run, or a free slot (count 0) for it. */
static struct run *run_place(struct image *img, enum pbc_kind kind, struct section s, const void *entries, uint32_t n)
{
    struct run_table *t = img->runs_seen[kind];
    if (!t) t = img->runs_seen[kind] = heap_zeroed(1, sizeof(*t));
    if (t->used * 2 >= t->size) grow_table(t);
    const uint32_t hash = (uint32_t)hash_bytes(0, entries, n * s.entry_size);
    struct run *r = run_find(t, s, hash, entries, n);
    r->hash = hash;
    return r;
}

/* Store the run in its free slot. */
static uint32_t run_keep(struct image *img, enum pbc_kind kind, struct run *r, uint32_t first, uint32_t n)
{
    *r = (struct run){r->hash, first, n};
    img->runs_seen[kind]->used++;
    return first;
}

uint32_t image_share(struct image *img, enum pbc_kind kind, const void *entries, uint32_t n)
{
    uint32_t first;
    if (n == 0) return 0;
    struct run *r = run_place(img, kind, section_of(img, kind), entries, n);
    if (r->count) return r->first;
    if (!run_append(img, kind, entries, n, &first)) return PBC_NONE;
    return run_keep(img, kind, r, first, n);
}

/* Share a string: a run of bytes with its NUL. */
uint32_t image_string(struct image *img, const char *s, size_t len)
{
    const uint64_t most = 1u << 28;
    len = strnlen(s, len); /* the section holds C strings */
    if (len == 0) return 0;
    if (len >= most) return PBC_NONE;
    struct run *r = run_place(img, PBC_STRINGS, (struct section){img->strings, 1}, s, (uint32_t)len);
    if (r->count) return r->first;
    if (img->strings_count + len + 1 > most) return PBC_NONE;
    img->strings = heap_grown(img->strings, img->strings_count + len + 1, 1, &img->strings_cap);
    memcpy(img->strings + img->strings_count, s, len);
    img->strings[img->strings_count + len] = '\0';
    img->strings_count += (uint32_t)len + 1;
    return run_keep(img, PBC_STRINGS, r, img->strings_count - (uint32_t)len - 1, (uint32_t)len);
}

void image_share_free(struct image *img)
{
    for (unsigned k = 0; k < PBC_KINDS; k++)
        if (img->runs_seen[k]) {
            free(img->runs_seen[k]->slots);
            free(img->runs_seen[k]);
        }
}
