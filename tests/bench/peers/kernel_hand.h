/* Shared by bench-kernel and the hand-written programs. */
#ifndef TESTS_BENCH_PEERS_KERNEL_HAND_H
#define TESTS_BENCH_PEERS_KERNEL_HAND_H

#include <linux/types.h>

/* Everything as on the wire. */
struct nat_ends {
    __u32 src, dst;
    __u16 sport, dport;
};
struct nat_to {
    struct nat_ends ends;
    __u8 mac[6], unused[2];
    __u32 out; /* place in `outs`, plus 1; 0: out by the interface it came on */
    __u64 seen;
};

#endif
