/* The growable sections of image.h and the table that gives equal strings one place. */
#include "compiler/image/image.h"

#include <stdlib.h>
#include <string.h>

#include "lang/heap.h"

/* Open addressing over offsets into STRINGS; 0 marks a free slot, for the empty string needs none. The hash stands
 * beside, so that other strings need not be read. */
struct string_table {
    struct string_slot {
        uint32_t hash, offset;
    } * slots;
    uint32_t count, size; /* size is a power of two */
};

/* Room for `want` entries, at most `most`; the new part is zeroed. Returns the array, moved or not. */
static void *grow(void *array, uint32_t *cap, uint64_t want, uint64_t most, size_t entry_size)
{
    if (want <= *cap) return array;
    uint64_t next = *cap ? (uint64_t)*cap * 2 : 16;
    while (next < want) next *= 2;
    if (next > most) next = most;
    char *moved = heap_resized(array, next, entry_size);
    memset(moved + (size_t)*cap * entry_size, 0, (next - *cap) * entry_size);
    *cap = (uint32_t)next;
    return moved;
}

/* Spans beside a section share its capacity. */
static struct span *grow_spans(struct span *spans, uint32_t old_cap, uint32_t cap)
{
    if (old_cap == cap) return spans;
    struct span *moved = heap_resized(spans, cap, sizeof(*moved));
    for (uint32_t i = old_cap; i < cap; i++) moved[i] = SPAN_NONE;
    return moved;
}

static void grow_beside(struct image *img, enum pbc_kind kind, uint32_t old_cap)
{
    if (kind == PBC_RULES) {
        uint32_t told_cap = old_cap;
        img->rule_span = grow_spans(img->rule_span, old_cap, img->rules_cap);
        img->rule_told = grow(img->rule_told, &told_cap, img->rules_cap, img->rules_cap, sizeof(*img->rule_told));
    } else if (kind == PBC_CONDS)
        img->cond_span = grow_spans(img->cond_span, old_cap, img->conds_cap);
    else if (kind == PBC_FIREWALLS)
        img->firewall_span = grow_spans(img->firewall_span, old_cap, img->firewalls_cap);
}

#define X(ident, field, type, most)                                                                                    \
    type *image_add_##field(struct image *img)                                                                         \
    {                                                                                                                  \
        const uint32_t old_cap = img->field##_cap;                                                                     \
                                                                                                                       \
        if (img->field##_count >= (most)) return NULL;                                                                 \
        img->field = grow(img->field, &img->field##_cap, (uint64_t)img->field##_count + 1, (most), sizeof(type));      \
        grow_beside(img, PBC_##ident, old_cap);                                                                        \
        return &img->field[img->field##_count++];                                                                      \
    }
PBC_SECTIONS(X)
#undef X

struct image *image_new(void)
{
    struct image *img = heap_zeroed(1, sizeof(*img));
    img->strings_seen = heap_zeroed(1, sizeof(*img->strings_seen));
    image_add_strings(img); /* offset 0: the empty string */
    return img;
}

void image_free(struct image *img)
{
    if (!img) return;
#define X(ident, field, type, most) free(img->field);
    PBC_SECTIONS(X)
#undef X
    free(img->rule_span);
    free(img->rule_told);
    free(img->cond_span);
    free(img->firewall_span);
    image_share_free(img);
    free(img->strings_seen->slots);
    free(img->strings_seen);
    free(img);
}

/* FNV-1a: names come from the operator's own file, and a full table doubles, so nothing better is needed. */
static uint32_t hash_bytes(const char *s, size_t len)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < len; i++) h = (h ^ (uint8_t)s[i]) * 16777619u;
    return h ^ h >> 15;
}

/* The slot that holds the string, or the free one where it belongs. */
static struct string_slot *find_slot(const struct image *img, uint32_t hash, const char *s, size_t len)
{
    const struct string_table *t = img->strings_seen;
    for (uint32_t i = hash;; i++) {
        struct string_slot *slot = &t->slots[i & (t->size - 1)];
        const char *held = img->strings + slot->offset;
        if (!slot->offset || (slot->hash == hash && strncmp(held, s, len) == 0 && held[len] == '\0')) return slot;
    }
}

static void grow_table(struct string_table *t)
{
    const struct string_table old = *t;
    t->size = old.size ? old.size * 2 : 64;
    t->slots = heap_zeroed(t->size, sizeof(*t->slots));
    for (uint32_t i = 0; i < old.size; i++) {
        uint32_t to = old.slots[i].hash;
        if (!old.slots[i].offset) continue;
        while (t->slots[to & (t->size - 1)].offset) to++;
        t->slots[to & (t->size - 1)] = old.slots[i];
    }
    free(old.slots);
}

uint32_t image_string(struct image *img, const char *s, size_t len)
{
    const uint64_t most = 1u << 28;
    struct string_table *t = img->strings_seen;
    len = strnlen(s, len); /* the section is made of C strings */
    if (len == 0) return 0;
    if (t->count * 2 >= t->size) grow_table(t);
    const uint32_t hash = hash_bytes(s, len);
    struct string_slot *slot = find_slot(img, hash, s, len);
    if (slot->offset) return slot->offset;
    if (img->strings_count + len + 1 > most) return PBC_NONE;
    img->strings = grow(img->strings, &img->strings_cap, img->strings_count + len + 1, most, 1);
    memcpy(img->strings + img->strings_count, s, len);
    img->strings[img->strings_count + len] = '\0';
    *slot = (struct string_slot){hash, img->strings_count};
    t->count++;
    img->strings_count += (uint32_t)len + 1;
    return slot->offset;
}

const char *image_str(const struct image *img, uint32_t offset)
{
    return offset < img->strings_count ? img->strings + offset : "";
}
