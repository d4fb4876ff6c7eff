#include "runtime/kernel/run/others.h"

#include <bpf/bpf.h>
#include <errno.h>

#include "runtime/kernel/kernel.h"
#include "vm/kernel/port.h"

static bool has(const struct other others[], uint32_t count, uint32_t ifindex)
{
    bool is = false;
    for (uint32_t i = 0; i < count; i++) is |= others[i].ifindex == ifindex;
    return is;
}

/* Delete devices that are gone. Each next key is read before its predecessor is deleted. */
static void forget(int map, const struct other others[], uint32_t count)
{
    uint32_t at, next;
    int more = bpf_map_get_next_key(map, NULL, &next);
    while (!more) {
        at = next;
        more = bpf_map_get_next_key(map, &at, &next);
        if (!has(others, count, at)) bpf_map_delete_elem(map, &at);
    }
}

int kernel_others_push(const struct kernel *kernel, const struct other others[], uint32_t count)
{
    const int map = kernel_map(kernel, KERNEL_MAP_others)->fd;
    int failed = 0;
    forget(map, others, count);
    for (uint32_t i = 0; i < count && !failed; i++) {
        const struct kernel_other is = {.as = others[i].as, .judged = others[i].judged};
        failed = bpf_map_update_elem(map, &others[i].ifindex, &is, BPF_ANY) ? -errno : 0;
    }
    return failed;
}
