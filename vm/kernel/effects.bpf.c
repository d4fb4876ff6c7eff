/* What judging changes besides meters (meters.bpf.c) and logs (events.bpf.c). Until it is there, nothing. */
#include "vm/kernel/bpf.h"

GLOBAL uint64_t kernel_flows(struct kpkt *k NONNULL) { return k->up & 0; }

GLOBAL uint64_t kernel_count(struct kpkt *k NONNULL, uint32_t rule) { return k->up + rule; }
