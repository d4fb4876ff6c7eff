/* The growable sections of image.h. */
#include "compiler/image/image.h"

#include <stdlib.h>
#include <string.h>

#include "lang/heap.h"

/* Make room for `want` entries, at most `most`; the new part is zeroed. Return the array, perhaps moved. */
static void *section_grow(void *array, uint32_t *cap, uint64_t want, uint64_t most, size_t entry_size)
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

/* Grow spans beside a section, with its capacity. */
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
        img->rule_told =
            section_grow(img->rule_told, &told_cap, img->rules_cap, img->rules_cap, sizeof(*img->rule_told));
    } else if (kind == PBC_WOULD_RULES) {
        uint32_t told_cap = old_cap;
        img->would_rule_span = grow_spans(img->would_rule_span, old_cap, img->would_rules_cap);
        img->would_rule_told = section_grow(img->would_rule_told, &told_cap, img->would_rules_cap, img->would_rules_cap,
                                            sizeof(*img->would_rule_told));
    } else if (kind == PBC_WOULD_FIREWALLS)
        img->would_firewall_span = grow_spans(img->would_firewall_span, old_cap, img->would_firewalls_cap);
    else if (kind == PBC_CONDS)
        img->cond_span = grow_spans(img->cond_span, old_cap, img->conds_cap);
    else if (kind == PBC_FIREWALLS)
        img->firewall_span = grow_spans(img->firewall_span, old_cap, img->firewalls_cap);
}

static uint64_t section_bound(const struct image *img, enum pbc_kind kind, uint64_t most)
{
    return kind == PBC_LIVES && img->compares ? 2 * most : most;
}

#define X(ident, field, type, most)                                                                                    \
    type *image_add_##field(struct image *img)                                                                         \
    {                                                                                                                  \
        const uint32_t old_cap = img->field##_cap;                                                                     \
                                                                                                                       \
        const uint64_t bound = section_bound(img, PBC_##ident, (most));                                                \
        if (img->field##_count >= bound) return NULL;                                                                  \
        img->field =                                                                                                   \
            section_grow(img->field, &img->field##_cap, (uint64_t)img->field##_count + 1, bound, sizeof(type));        \
        grow_beside(img, PBC_##ident, old_cap);                                                                        \
        return &img->field[img->field##_count++];                                                                      \
    }
PBC_SECTIONS(X)
#undef X

#define SWAP(a, b)                                                                                                     \
    do {                                                                                                               \
        __typeof__(a) kept_ = (a);                                                                                     \
        (a) = (b);                                                                                                     \
        (b) = kept_;                                                                                                   \
    } while (0)
#define SWAP_SECTION(field)                                                                                            \
    do {                                                                                                               \
        SWAP(img->field, img->would_##field);                                                                          \
        SWAP(img->field##_count, img->would_##field##_count);                                                          \
        SWAP(img->field##_cap, img->would_##field##_cap);                                                              \
    } while (0)

void image_swap(struct image *img)
{
    SWAP_SECTION(rules);
    SWAP_SECTION(chains);
    SWAP_SECTION(firewalls);
    SWAP_SECTION(memos);
    SWAP(img->rule_span, img->would_rule_span);
    SWAP(img->rule_told, img->would_rule_told);
    SWAP(img->firewall_span, img->would_firewall_span);
}

struct image *image_new(void)
{
    struct image *img = heap_zeroed(1, sizeof(*img));
    image_add_strings(img); /* the empty string at offset 0 */
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
    free(img->would_rule_span);
    free(img->would_rule_told);
    free(img->would_firewall_span);
    image_share_free(img);
    free(img);
}

const char *image_str(const struct image *img, uint32_t offset)
{
    return offset < img->strings_count ? img->strings + offset : "";
}
