#include "runtime/exchange/receivers.h"

#include <stdlib.h>

#include "vm/packet/parse/header.h"

/* Bridges and bonds may lie above each other, a few deep. */
enum { ABOVE_MOST = 8 };

static int by_place(const void *a, const void *b)
{
    const struct receiver *x = a, *y = b;
    if (x->under != y->under) return x->under < y->under ? -1 : 1;
    return x->tag < y->tag ? -1 : x->tag > y->tag;
}

void receivers_sort(struct receivers *r)
{
    if (r->count) qsort(r->all, r->count, sizeof *r->all, by_place);
}

static const struct receiver *find(const struct receivers *r, uint32_t under, uint32_t tag)
{
    const struct receiver wanted = {.under = under, .tag = tag};
    return r->count ? bsearch(&wanted, r->all, r->count, sizeof *r->all, by_place) : NULL;
}

/* Find the device for the tag: of `*device`, or of a bridge or bond above it, which *device then is. NULL: none. */
static const struct receiver *find_above(const struct receivers *r, uint32_t *device, uint32_t tag)
{
    const struct receiver *found = find(r, *device, tag), *above;
    for (unsigned i = 0; i < ABOVE_MOST && !found && (above = find(r, *device, 0)); i++) {
        *device = above->device;
        found = find(r, *device, tag);
    }
    return found;
}

bool receivers_take(const struct receivers *r, uint32_t device, const uint32_t tags[], unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const uint32_t tpid = tags[i] >> 16;
        if (tpid != ETHER_VLAN && tpid != ETHER_QINQ) return false;
        const struct receiver *found = find_above(r, &device, tags[i]);
        if (found && !found->device) return false;
        if (found)
            device = found->device;
        else if (tags[i] & VLAN_VID)
            return false;
    }
    return true;
}
