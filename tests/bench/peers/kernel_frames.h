/* Frames for timing eBPF programs, and how they are drawn: shared by the program that makes them and the process
 * that runs it. */
#ifndef TESTS_BENCH_PEERS_KERNEL_FRAMES_H
#define TESTS_BENCH_PEERS_KERNEL_FRAMES_H

#include <linux/types.h>

enum {
    FRAMES_LEN = 64,      /* size of a flow's frame */
    FRAMES_LONG = 80,     /* size of a frame in the pool */
    FRAMES_STRIDE = 128,  /* distance between frames in the pool */
    FRAMES_POOL = 1 << 15 /* frames in the pool */
};

/* One CPU's draws; all flows are equally likely. */
struct frames_draw {
    __u64 state;
    __u32 flows;
    __u32 next;                  /* next frame of the pool; with in_turn: next flow */
    __u32 sum;                   /* sum of the IPv4 header's words, except the client and the checksum */
    __u32 udp_sum;               /* sum of all that UDP's checksum covers, except the client; 0 without a checksum */
    __u8 in_turn, reply;         /* reply: the client is the receiver */
    __u64 frame[FRAMES_LEN / 8]; /* a flow's frame, except the client and the checksum */
} __attribute__((aligned(128)));

struct frames {
    struct frames_draw draw[2]; /* for even and odd CPUs */
    __u8 pool[FRAMES_POOL][FRAMES_STRIDE];
    __u64 arrived; /* frames that arrived at `sink` */
    __u32 out;     /* ifindex to which `send` sends */
};

/* Return the client of flow n: address and port. */
static inline __u32 frames_client(__u32 n) { return 0x64400000 + n / 200; }
static inline __u16 frames_port(__u32 n) { return (__u16)(1024 + n % 200); }

#endif
