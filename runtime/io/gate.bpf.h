/* What the programs in the kernel that let connections of the proxy pass (filter.bpf.c) and the side that tells them
 * which these are (gate.c) share. */
#ifndef RUNTIME_IO_GATE_BPF_H
#define RUNTIME_IO_GATE_BPF_H

#include "runtime/io/steer.bpf.h"

enum { GATE_ENDS = 65536, GATE_WIDE = 64, GATE_COUNTS = 512 };

/* One address and one port that the proxy serves. */
struct gate_end {
    struct steer_ip addr;
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
    struct steer_ip lo, hi;
    __u16 port_lo, port_hi;
    __u8 own, unused[3];
};
struct gate_config {
    __u32 any;              /* 0: the proxy serves nothing */
    __u32 wide;             /* of these so many */
    __u16 free_lo, free_hi; /* ports of own addresses that are of concern to nothing else */
};
/* Of an interface: what passed, and what was held back for no connection has it. */
struct gate_count {
    __u64 passed, passed_bytes, strays, stray_bytes;
};

#endif
