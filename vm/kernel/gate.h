/* What the programs in the kernel that let connections of the proxy pass (gate.bpf.c, runtime/io/steer/filter.bpf.c) and the
 * side that tells them which these are (runtime/io/steer/gate.c) share: the shapes of maps. */
#pragma once

#include <linux/types.h>

/* An address as two numbers, v4 as ::ffff:a.b.c.d. */
struct numbered_ip {
    __u64 hi, lo;
};
#define NUMBERED_V4 0xffff00000000ull

enum { GATE_ENDS = 65536, GATE_WIDE = 64, GATE_COUNTS = 512 };

/* One address and one port that the proxy serves. */
struct gate_end {
    struct numbered_ip addr;
    __u16 port, unused[3];
};
/* Whose an address and port are, in the map of struct gate_end: bits. */
enum {
    GATE_SERVICE = 1,
    GATE_SERVER = 2, /* that the proxy speaks to with clients' addresses */
    GATE_ANSWERS = 4 /* a server that it speaks to with the host's own */
};
/* Several ports, or any address, or any of the host's own. */
struct gate_wide {
    struct numbered_ip lo, hi;
    __u16 port_lo, port_hi;
    __u8 own, unused[3];
};
static inline int gate_is_within(const struct gate_wide *w, const struct numbered_ip *a, __u16 port)
{
    const int from = a->hi > w->lo.hi || (a->hi == w->lo.hi && a->lo >= w->lo.lo);
    const int to = a->hi < w->hi.hi || (a->hi == w->hi.hi && a->lo <= w->hi.lo);
    return from && to && port >= w->port_lo && port <= w->port_hi;
}
struct gate_config {
    __u32 any;              /* 0: the proxy serves nothing */
    __u32 returns;          /* 1: some of its connections to servers have clients' addresses */
    __u32 wide;             /* of struct gate_wide so many */
    __u16 free_lo, free_hi; /* ports of own addresses that are of concern to nothing else */
};
/* Of an interface: what passed, and what was held back for no connection has it. */
struct gate_count {
    __u64 passed, passed_bytes, strays, stray_bytes;
};

/* The ends of connections that were made, the client's first; of the oldest nothing is known any more. */
struct gate_made {
    struct numbered_ip from, to;
    __u16 from_port, to_port;
    __u32 unused;
};
enum { MADE_MOST = 32768 };
