/* See told_vips.h. Ranges become prefixes in one trie. */
#include "runtime/kernel/run/told_vips.h"

#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/grown.h"
#include "runtime/kernel/maps/cover.h"
#include "vm/forward/vips.h"
#include "vm/kernel/given.h"
#include "vm/kernel/shapes.h"

struct prefixes {
    struct kernel_told *v;
    uint32_t count, room;
    bool failed; /* out of memory, or too many */
};

static cover_number addr_number(const uint32_t addr[4], bool v6)
{
    struct kernel_told t;
    cover_number n = 0;
    kernel_told_of(&t, addr, v6);
    for (unsigned i = 0; i < sizeof t.addr; i++) n = n << 8 | t.addr[i];
    return n;
}

/* Add the largest blocks, each from the end of the previous one. */
static void take_vips(void *arg, const uint32_t lo[4], const uint32_t hi[4], bool v6)
{
    struct prefixes *all = arg;
    cover_number first = addr_number(lo, v6), last = addr_number(hi, v6);
    for (bool more = true; more;) {
        unsigned free = 0;
        while (free < 127 && !(first >> free & 1) && last - first >= ((cover_number)2 << free) - 1) free++;
        all->failed = all->count == KERNEL_TOLD_MOST || !grow(&all->v, all->count, &all->room, 64, sizeof *all->v);
        if (all->failed) return;
        struct kernel_told *to = &all->v[all->count++];
        to->bits = 128 - free; /* a block of 2^free addresses from `first` on */
        cover_bytes(first, to->addr);
        const cover_number end = first + (((cover_number)1 << free) - 1);
        more = end < last;
        first = end + 1;
    }
}

static struct prefixes prefixes_of(const struct program *p)
{
    struct prefixes all = {0};
    all.failed |= !vips_each(p, take_vips, &all);
    return all;
}

void told_add(struct kernel *kernel, const struct program *p)
{
    const int map = kernel_map(kernel, KERNEL_MAP_told)->fd;
    const uint8_t here = 1;
    struct prefixes all = prefixes_of(p);
    for (size_t i = 0; i < all.count && !all.failed; i++)
        all.failed = bpf_map_update_elem(map, &all.v[i], &here, BPF_ANY) != 0;
    if (all.failed) kernel_world(kernel)->tells_all = 1;
    free(all.v);
}

static int told_compare(const void *a, const void *b) { return memcmp(a, b, sizeof(struct kernel_told)); }

void told_keep(struct kernel *kernel, const struct program *p)
{
    const int map = kernel_map(kernel, KERNEL_MAP_told)->fd;
    struct prefixes all = prefixes_of(p);
    struct kernel_told at, next;
    if (all.count) qsort(all.v, all.count, sizeof *all.v, told_compare);
    int more = all.failed ? -1 : bpf_map_get_next_key(map, NULL, &next);
    while (!more) {
        at = next;
        more = bpf_map_get_next_key(map, &at, &next);
        if (!all.count || !bsearch(&at, all.v, all.count, sizeof at, told_compare)) bpf_map_delete_elem(map, &at);
    }
    free(all.v);
}
