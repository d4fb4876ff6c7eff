/* Rows sorted by device and tag; bridges and bonds above are followed a few steps */
#include "runtime/host/view/receivers.h"

#include <stdlib.h>

#include "runtime/host/host.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/pkt.h"
#include "vm/packet/wire.h"

/* Bridges and bonds may be above each other, a few deep. */
enum { ABOVE_MOST = 8 };

static int receiver_compare(const void *a, const void *b)
{
    const struct receiver *x = a, *y = b;
    if (x->under != y->under) return x->under < y->under ? -1 : 1;
    return x->tag < y->tag ? -1 : x->tag > y->tag;
}

void receivers_sort(struct receivers *r)
{
    if (r->count) qsort(r->all, r->count, sizeof *r->all, receiver_compare);
}

static const struct receiver *receiver_find(const struct receivers *r, uint32_t under, uint32_t tag)
{
    const struct receiver wanted = {.under = under, .tag = tag};
    return r->count ? bsearch(&wanted, r->all, r->count, sizeof *r->all, receiver_compare) : NULL;
}

/* Find the receiver of the tag at `*device`, or at a bridge or bond above it; *device is then set to that one. NULL:
 * none. */
static const struct receiver *find_above(const struct receivers *r, uint32_t *device, uint32_t tag)
{
    const struct receiver *found = receiver_find(r, *device, tag), *above;
    for (unsigned i = 0; i < ABOVE_MOST && !found && (above = receiver_find(r, *device, 0)); i++) {
        *device = above->device;
        found = receiver_find(r, *device, tag);
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

static unsigned read_tags(const struct pkt *pkt, uint32_t tags[VLAN_TAGS_MOST])
{
    unsigned count = 0;
    for (; count < pkt->tag_count && count < sizeof pkt->tags / sizeof pkt->tags[0]; count++)
        tags[count] = (uint32_t)pkt->tags[count].tpid << 16 | (pkt->tags[count].tci & VLAN_VID);
    for (uint32_t i = 0, at = ETHER_TYPE_AT; i < pkt->tags_in_frame && count < VLAN_TAGS_MOST; i++, at += VLAN_LEN)
        if (at + VLAN_LEN <= pkt->head_len)
            tags[count++] = (uint32_t)wire_get16(pkt->data + at) << 16 | (wire_get16(pkt->data + at + 2) & VLAN_VID);
    return count;
}

bool receivers_take_frame(const struct receivers *r, uint32_t device, const struct pkt *pkt)
{
    uint32_t tags[VLAN_TAGS_MOST];
    return receivers_take(r, device, tags, pkt->link == LINK_ETHER ? read_tags(pkt, tags) : 0);
}

bool receivers_of(const struct host *h, struct receivers *to)
{
    unsigned count;
    const struct host_link *links = host_links(h, &count);
    *to = (struct receivers){.all = calloc(2 * (size_t)count + 1, sizeof *to->all)};
    for (unsigned i = 0; to->all && i < count; i++) {
        const struct host_link *l = &links[i];
        if (l->under && l->tag) to->all[to->count++] = (struct receiver){l->under, l->tag, l->up ? l->ifindex : 0};
        if (host_link_joined(h, l)) to->all[to->count++] = (struct receiver){l->ifindex, 0, l->master};
    }
    receivers_sort(to);
    return to->all;
}
