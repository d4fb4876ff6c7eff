/* Rows that are gone are deleted first, then all are written */
#include "runtime/kernel/run/others.h"

#include <bpf/bpf.h>
#include <errno.h>

#include "runtime/kernel/kernel.h"
#include "vm/kernel/shapes.h"

/* Write a row. If it can't be written, it is deleted, because its content is out of date. */
static int write_one(int map, const struct other *x)
{
    const struct kernel_other is = {.as = x->as, .judged = x->judged};
    if (!bpf_map_update_elem(map, &x->ifindex, &is, BPF_ANY)) return 0;
    const int failed = -errno;
    bpf_map_delete_elem(map, &x->ifindex);
    return failed;
}

int kernel_others_push(const struct kernel *kernel, const struct other others[], uint32_t count)
{
    const int map = kernel_map(kernel, KERNEL_MAP_others)->fd;
    int failed = 0;
    uint32_t at, next;
    int more = bpf_map_get_next_key(map, NULL, &next);
    while (!more) { /* each next key is read before its predecessor is deleted */
        at = next;
        more = bpf_map_get_next_key(map, &at, &next);
        if (!other_find(others, count, at)) bpf_map_delete_elem(map, &at);
    }
    for (uint32_t i = 0; i < count; i++) {
        const int one = write_one(map, &others[i]);
        if (!failed) failed = one;
    }
    return failed;
}
