/* Effects of judging, except meters (meters.bpf.c) and logs (events.bpf.c). */
#include "vm/kernel/count.bpf.h"

/* Count as effect_count does. */
GLOBAL uint64_t kernel_count(struct kpkt *k NONNULL, uint32_t rule)
{
    if (!(k->flags & KERNEL_DRY)) count_at(count_program((uint32_t)NUMBER(serial)), rule, k->pkt.wire_len);
    return 0;
}
