/* The frames that programs of the kernel are timed with, and how they are drawn: what the program that makes them
 * shares with who runs it. */
#ifndef TESTS_BENCH_PEERS_KERNEL_FRAMES_H
#define TESTS_BENCH_PEERS_KERNEL_FRAMES_H

#include <linux/types.h>

enum {
    FRAMES_LEN = 64,      /* of a frame of a flow */
    FRAMES_LONG = 80,     /* of one of the pool */
    FRAMES_STRIDE = 128,  /* from one of the pool to the next */
    FRAMES_POOL = 1 << 15 /* of the pool */
};

/* What a CPU draws: all flows are as likely. */
struct frames_draw {
    __u64 state;
    __u32 flows;
    __u32 next;                  /* of the pool; with in_turn: of the flows */
    __u32 sum;                   /* of the IPv4 header's words but for the client and the sum */
    __u32 udp_sum;               /* of all that UDP's sum is of, but for the client; 0: it has none */
    __u8 in_turn, reply;         /* reply: the client is who it goes to */
    __u64 frame[FRAMES_LEN / 8]; /* of a flow, but for the client and the sum */
} __attribute__((aligned(128)));

struct frames {
    struct frames_draw draw[2]; /* of even and of odd CPUs */
    __u8 pool[FRAMES_POOL][FRAMES_STRIDE];
    __u64 arrived; /* at `sink` */
    __u32 out;     /* ifindex: where `send` sends */
};

/* The client of flow n: address and port. */
static inline __u32 frames_client(__u32 n) { return 0x64400000 + n / 200; }
static inline __u16 frames_port(__u32 n) { return (__u16)(1024 + n % 200); }

#endif
