/* Interfaces by pattern: an id represents the names that match its device and no other id, so that frames are judged
 * by the number of their interface only. A condition that names a pattern is expanded to all ids within it. */
#include <stdlib.h>

#include "compiler/image/image.h"
#include "lang/heap.h"

struct iface_table image_ifaces(const struct image *img)
{
    return (struct iface_table){img->ifaces, img->ifaces_count, img->strings};
}

uint32_t image_ifaces_within(const struct image *img, const uint32_t *named, uint32_t count, struct pbc_range *out)
{
    const struct iface_table t = image_ifaces(img);
    bool *is_named = heap_zeroed(t.count + 1, sizeof(*is_named));
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) is_named[named[i]] = true;
    for (uint32_t i = 0; i < t.count; i++) {
        uint32_t at = i;
        while (at < t.count && !is_named[at]) at = iface_around(&t, at);
        if (at < t.count) n = range_add(out, n, i);
    }
    free(is_named);
    return n;
}

static bool spread(struct image *img, struct pbc_cond *c)
{
    uint32_t *named = heap_zeroed(img->ifaces_count + 1, sizeof(*named)), n = 0;
    struct pbc_range *all = heap_zeroed(img->ifaces_count + 1, sizeof(*all));
    for (uint32_t i = 0; i < c->count; i++)
        for (uint32_t id = img->ranges[c->first + i].lo; id <= img->ranges[c->first + i].hi; id++) named[n++] = id;
    c->count = image_ifaces_within(img, named, n, all);
    c->first = image_share(img, PBC_RANGES, all, c->count);
    free(named);
    free(all);
    return c->first != PBC_NONE;
}

bool image_ifaces_settle(struct image *img)
{
    const struct iface_table t = image_ifaces(img);
    bool patterns = false, fits = true;
    for (uint32_t i = 0; i < t.count; i++) {
        img->ifaces[i].within = iface_nest(&t, i) + 1;
        patterns |= img->ifaces[i].within != 0;
    }
    for (uint32_t i = 0; i < t.count; i++) /* a clamp holds for interfaces within, unless these have their own */
        for (uint32_t at = i; at < t.count && !img->ifaces[i].mss; at = iface_around(&t, at))
            img->ifaces[i].mss = img->ifaces[at].mss;
    for (uint32_t i = 0; patterns && fits && i < img->conds_count; i++)
        if (cond_info[img->conds[i].kind].traits & COND_IFACES) fits = spread(img, &img->conds[i]);
    return fits;
}
