/* What programs in the kernel and processes share: the gate's maps, what stands before a frame that goes up, and the
 * frame that is sent for trial. The gate (gate.bpf.c, runtime/io/steer/filter.bpf.c) lets connections of the proxy
 * pass; runtime/io/steer/gate.c tells it which these are. */
#pragma once

#include <assert.h>
#include <linux/types.h>
#include <stdint.h>

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

/* What stands before a frame that goes up to a socket: how it came, and what the kernel knows of it. User space takes
 * it off (runtime/io) and hands it on with the packet.
 *
 * It stands in the frame's headroom and is 32 bytes, so the frame behind it stays aligned as it was. */

enum kernel_flag {
    KERNEL_ASKED = 1 << 0,  /* a process runs it: link, lengths and time are what it wrote here, and nothing leaves */
    KERNEL_EGRESS = 1 << 1, /* the host sends it (traffic control) */
    KERNEL_JUDGED = 1 << 2, /* `decision` holds */
    KERNEL_ONLY_JUDGE = 1 << 3, /* asked: judge what key and head say, and change no flow */
    /* What look says of it. */
    KERNEL_ORDINARY = 1 << 4, /* of a flow that is sent on: it leaves by `recipe`, once the rules accept it; of a twin's
                                 side without them */
    /* What judge says beside the decision: */
    KERNEL_OPENS = 1 << 5,    /* the rule that decided opens tunnels */
    KERNEL_PROXIED = 1 << 6,  /* connections of the service that takes it end here */
    KERNEL_SOFTWARE = 1 << 7, /* look's: it came by a device of software (kernel_port.software) */
    KERNEL_NO_WAY = 1 << 9,   /* judge's: the program asks for its way, and nobody knows it */
    KERNEL_CHANGED = 1 << 10, /* act's: another packet changed its flow since it was judged */
    /* With KERNEL_ONLY_JUDGE: nothing is counted, logged or taken; meters are unused, sources have no flows. */
    KERNEL_DRY = 1 << 8,
    KERNEL_SAID = KERNEL_ASKED | KERNEL_EGRESS | KERNEL_ONLY_JUDGE | KERNEL_DRY, /* by who asks */
};

#define KERNEL_NOTE_MAGIC 0x79657270u /* "prey" */

struct kernel_note {
    uint32_t magic;
    uint32_t program;  /* serial of the program that decided */
    uint64_t decision; /* as judge.h's `decided`, with KERNEL_JUDGED in flags */
    uint32_t branch;   /* index in BRANCHES, or PBC_NONE */
    uint32_t ifindex;  /* where it came in */
    uint32_t wire_len; /* bytes of the frame: as it came, without this */
    uint16_t flags;    /* enum kernel_flag: JUDGED, EGRESS */
    uint8_t up;        /* enum kernel_up */
    uint8_t states;    /* what `state` said of it: MARK_STATES of its key, eight bits to the right */
};
static_assert(sizeof(struct kernel_note) == 32, "no padding");

/* A frame of a process's own, which shows whether an interface sends what programs give it (runtime/host/hook/xmit.h).
 * It goes to an address that no bridge passes on and no host takes, and has a type for experiments (IEEE 802, 10.9). */

#define TRIAL_TO   "\x01\x80\xc2\x00\x00\x01" /* of PAUSE (IEEE 802.3, 31B) */
#define TRIAL_FROM "\x02\x00\x00\x00\x00\x00"
enum { TRIAL_TYPE = 0x88b5 };

struct trial {
    __u8 to[6], from[6];
    __u8 type[2]; /* as on the wire */
    __u8 unused[2];
    __u32 ifindex; /* where it leaves */
    __u8 padding[40];
};
