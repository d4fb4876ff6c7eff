/* Frames with which programs of the kernel are timed, and how they are drawn: shared by the program that makes them
 * and the process that runs it. */
#ifndef TESTS_BENCH_PEERS_KERNEL_FRAMES_H
#define TESTS_BENCH_PEERS_KERNEL_FRAMES_H

#include <linux/types.h>

enum {
    FRAMES_LEN = 64,      /* of a frame of a flow */
    FRAMES_LONG = 80,     /* of one of the pool */
    FRAMES_STRIDE = 128,  /* from one of the pool to the next */
    FRAMES_POOL = 1 << 15 /* of the pool */
};

/* The CPU's draws: all flows are equally likely. */
struct frames_draw {
    __u64 state;
    __u32 flows;
    __u32 next;                  /* of the pool; with in_turn: of the flows */
    __u32 sum;                   /* sum of the IPv4 header's words, except the client and the checksum */
    __u32 udp_sum;               /* sum of all that UDP's checksum covers, except the client; 0 without a checksum */
    __u8 in_turn, reply;         /* reply: the client is the receiver */
    __u64 frame[FRAMES_LEN / 8]; /* frame of a flow, except the client and the checksum */
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
