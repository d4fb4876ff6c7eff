/* Structures that the kernel's programs share with processes: the gate's maps, the note before a frame that goes up,
 * the record of a frame that goes up through a ring, and the frame sent as a trial. The gate (gate.bpf.c,
 * runtime/io/steer/gate.bpf.h) lets connections of the proxy pass; runtime/io/steer/gate.c fills its maps. */
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

/* An address and a port that belong to the proxy. */
struct gate_end {
    struct numbered_ip addr;
    __u16 port, unused[3];
};
/* Role of an address and port: bits in the map of struct gate_end. */
enum {
    GATE_SERVICE = 1,
    GATE_SERVER = 2, /* a server to which the proxy connects with clients' addresses */
    GATE_ANSWERS = 4 /* a server to which the proxy connects with the host's own address */
};
/* A range of ports, at a range of addresses or at all own addresses of the host. */
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
    __u32 returns;          /* 1: some of the proxy's connections to servers use clients' addresses */
    __u32 wide;             /* number of struct gate_wide */
    __u16 free_lo, free_hi; /* range of ports at own addresses that only the proxy's matches concern */
};
/* Counters of an interface: frames that passed, and strays held back because no connection has them. */
struct gate_count {
    __u64 passed, passed_bytes, strays, stray_bytes;
};

/* The two ends of a connection that was established, the client's first. The oldest entries are forgotten. */
struct gate_made {
    struct numbered_ip from, to;
    __u16 from_port, to_port;
    __u32 unused;
};
enum { MADE_MOST = 32768 };

/* The note before a frame that goes up to a socket: its incoming interface, and the kernel's findings. User space
 * removes the note (runtime/io) and passes it on with the packet.
 *
 * The note is in the frame's headroom and has 80 bytes, so the frame behind it stays aligned. */

enum kernel_flag {
    KERNEL_ASKED =
        1 << 0, /* a process runs the stage: it sets the packet's link, lengths and time, and nothing leaves */
    KERNEL_EGRESS = 1 << 1,     /* the host sends the packet (traffic control) */
    KERNEL_JUDGED = 1 << 2,     /* `decision` is valid */
    KERNEL_ONLY_JUDGE = 1 << 3, /* with ASKED: judge by key and head, and change no flow */
    /* Set by look: */
    KERNEL_ORDINARY = 1 << 4, /* ordinary packet of a bound flow: it leaves by `recipe` once the rules accept it, or
                                 without the rules on a twin's side */
    /* Set by judge beside the decision: */
    KERNEL_OPENS = 1 << 5,    /* the rule that decided opens tunnels */
    KERNEL_PROXIED = 1 << 6,  /* the packet's service is a proxy's, whose connections end on this machine */
    KERNEL_SOFTWARE = 1 << 7, /* set by look: the frame came by a software device (kernel_port.software) */
    KERNEL_NO_WAY = 1 << 9,   /* set by judge: the program needs the packet's way, which is unknown */
    KERNEL_CHANGED = 1 << 10, /* set by act: another packet changed the flow since this one was judged */
    KERNEL_WIRE = 1 << 11,  /* set by judge: connections of the packet's service end in the inline stack; the service is
                               in the wire or, with PROXIED, takes all packets to its addresses */
    KERNEL_SHOWN = 1 << 13, /* set by act: the observers have received the packet already */
    KERNEL_FOREIGN = 1 << 14, /* set by look: the frame is for another station (kernel_port.mac). The packet is
                               * judged, because a device above may take it; it is not forwarded, and no process
                               * takes it up */
    KERNEL_ROUTED = 1 << 15,  /* the host has routed the packet, and sends it by a nat's interface. On arrival it passed
                                 because its way was unknown, or its incoming interface is not served */
    /* With KERNEL_ONLY_JUDGE: no counts, logs or tokens; meters count as unused, sources as without flows. */
    KERNEL_DRY = 1 << 8,
    KERNEL_WOULD = 1 << 12, /* with KERNEL_ONLY_JUDGE: decide as if nothing were in audit */
    KERNEL_SAID = KERNEL_ASKED | KERNEL_EGRESS | KERNEL_ONLY_JUDGE | KERNEL_DRY |
                  KERNEL_WOULD, /* flags that an asking process sets */
};

#define KERNEL_NOTE_MAGIC 0x7270u /* "pr" */

/* Results of live sets for a packet, for recordings; files have the same format. Index 0 is for the source, 1 for
 * the destination, with a bit for each set of LIVES. A set that is held but not asked was asked more than once, with
 * different results. */
struct kernel_members {
    uint64_t asked[2], held[2];
};

struct kernel_note {
    uint16_t magic;
    uint16_t came;     /* for a leaving packet: 1 + the id in rules of its incoming device; 0: unknown */
    uint32_t program;  /* serial of the program that decided */
    uint64_t decision; /* with KERNEL_JUDGED in flags: `decided` of judge.h */
    uint64_t mirrors;  /* with JUDGED: mirrors that matched and have not copied the packet yet, one bit each */
    uint32_t wire_len; /* length of the frame as it came, without this note */
    uint16_t flags;    /* enum kernel_flag: JUDGED, EGRESS, SHOWN */
    uint8_t up;        /* enum kernel_up */
    uint8_t states;    /* value of `state`: MARK_STATES of the key, shifted right by eight */
    uint64_t would;    /* decision without `audit`, in programs that use it */
    uint32_t turn;     /* as in struct kpkt; also set for a judged packet */
    uint32_t cuts;     /* kernel_world.cuts before the packet was judged */
    struct kernel_members members; /* set with JUDGED */
};
static_assert(sizeof(struct kernel_note) == 80, "no padding");

/* The record of a frame that goes up from traffic control, through a ring of its interface, because that hook has no
 * AF_XDP sockets. The frame's bytes follow. */
enum { KERNEL_RAISED_BYTES = 1 << 22 /* size of a ring in bytes */, KERNEL_RAISED_MOST = 1 << 18 /* longest frame */ };
struct kernel_raised {
    uint32_t len;     /* length of the frame */
    uint16_t segment; /* as in struct pkt */
    uint8_t flags;    /* PKT_CSUM_PARTIAL */
    uint8_t tag_count;
    uint16_t tags[2][2]; /* tpid and tci of tags that were taken off, outermost first */
    struct kernel_note note;
};
static_assert(sizeof(struct kernel_raised) == 96, "no padding");

/* A process's own frame, which shows whether an interface sends frames given by eBPF programs
 * (runtime/host/hook/xmit.h). No bridge forwards and no host takes frames to its address; its type is reserved for
 * experiments (IEEE 802, 10.9). */

#define TRIAL_TO   "\x01\x80\xc2\x00\x00\x01" /* address of PAUSE frames (IEEE 802.3, 31B) */
#define TRIAL_FROM "\x02\x00\x00\x00\x00\x00"
enum { TRIAL_TYPE = 0x88b5 };

struct trial {
    __u8 to[6], from[6];
    __u8 type[2]; /* in wire order */
    __u8 unused[2];
    __u32 ifindex; /* interface by which the frame leaves */
    __u8 padding[40];
};
