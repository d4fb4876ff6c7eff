/* Rings for packets that come up at traffic control. When a ring gets its place, the kernel waits for all its
 * readers (synchronize_rcu), some ten milliseconds, so a start makes the rings of its interfaces while the stages
 * are verified. */
#include <bpf/bpf.h>
#include <errno.h>
#include <unistd.h>

#include "runtime/kernel/kernel_priv.h"
#include "vm/kernel/gate.h"

static int ring_make(void) { return bpf_map_create(BPF_MAP_TYPE_RINGBUF, "raised", 0, 0, KERNEL_RAISED_BYTES, NULL); }

/* Put rings in their places: all together, which is one wait since Linux 6.8, or one by one on older kernels. */
static int rings_put(const struct kernel *k, const uint32_t at[], const int rings[], uint32_t count)
{
    const int places = kernel_map(k, KERNEL_MAP_rings)->fd;
    uint32_t done = count;
    if (count > 1 && !bpf_map_update_batch(places, at, rings, &done, NULL)) return 0;
    for (uint32_t i = 0; i < count; i++)
        if (bpf_map_update_elem(places, &at[i], &rings[i], BPF_ANY)) return -errno;
    return 0;
}

/* A ring that fails is tried again, and reported, on request. */
void *rings_make(void *kernel)
{
    struct kernel *k = kernel;
    uint32_t at[KERNEL_SERVED], count = 0;
    int rings[KERNEL_SERVED];
    for (uint32_t i = 0; i < KERNEL_SERVED; i++) {
        const int ring = k->cfg.raises >> i & 1 ? ring_make() : -1;
        if (ring < 0) continue;
        at[count] = i;
        rings[count++] = ring;
    }
    const int failed = rings_put(k, at, rings, count);
    for (uint32_t i = 0; i < count; i++) {
        if (failed)
            close(rings[i]);
        else
            k->rings[at[i]] = rings[i];
    }
    return NULL;
}

int kernel_ring(void *kernel, uint32_t port)
{
    struct kernel *k = kernel;
    if (port >= KERNEL_SERVED) return -EINVAL;
    const int made = k->rings[port], ring = made >= 0 ? made : ring_make();
    const int failed = ring < 0 ? -errno : made >= 0 ? 0 : rings_put(k, &port, &ring, 1);
    k->rings[port] = -1;
    if (ring >= 0 && failed) close(ring);
    return failed ? failed : ring;
}
