/* What bench-kernel and its program in the kernel share. */
#ifndef TESTS_BENCH_PEERS_KERNEL_NAT_H
#define TESTS_BENCH_PEERS_KERNEL_NAT_H

#include <linux/types.h>

enum { NAT_FRAME = 64 };

struct nat_ends {
    __u32 src, dst; /* as on the wire, all of it */
    __u16 sport, dport;
};
struct nat_to {
    struct nat_ends ends;
    __u8 mac[6], unused[6];
    __u64 seen;
};
/* Which flows are drawn: all as likely; and the frame that they have but for client and sum. */
struct nat_draw {
    __u64 state;
    __u32 flows;
    __u32 sum; /* of the IPv4 header's words but for the source and the sum */
    __u64 frame[NAT_FRAME / 8];
};

/* The client of flow n. */
static inline __u32 nat_client(__u32 n) { return 0x64400000 + n / 200; }
static inline __u16 nat_port(__u32 n) { return (__u16)(1024 + n % 200); }

#endif
