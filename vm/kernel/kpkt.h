/* A packet on its way through the stages in the kernel: look, judge, act. There is one in a map for each CPU. Stages
 * pass everything in it, because a tail call carries nothing else. Processes map it: a process that runs a stage by
 * BPF_PROG_TEST_RUN writes the frame's arrival here, and reads the outcome here.
 *
 * The frame's first bytes are copied into `head`, so all that parses, compares and tests works on memory whose
 * length the kernel's verifier knows, whatever the frame is in (an XDP buffer, a socket buffer in pieces). Only code
 * that edits and sends touches the frame itself. */
#pragma once

#include "vm/flow/track/track.h"
#include "vm/forward/splice/slots.h"
#include "vm/judge/legs.h"
#include "vm/judge/route_rule.h"
#include "vm/kernel/gate.h"
#include "vm/packet/edit/recipe.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/verdict.h"

/* Most bytes of a frame that rules may test and headers may fill, a power of two. Packets with longer headers go up,
 * and so do all packets of a program with a longer reach. */
enum { KERNEL_HEAD = 2048, KERNEL_SLACK = 128 /* bytes readable behind each byte of the head */ };

/* Outcome of a packet in the kernel. */
enum kernel_out {
    KERNEL_NONE, /* not yet known */
    KERNEL_PASS, /* to the host, or from it to the wire: verdicts accept and pass */
    KERNEL_DROP, /* verdicts drop, and reject if no reply leaves */
    KERNEL_SEND, /* edited, and sent out by `out_if`: verdict forward */
    KERNEL_UP,   /* to the user executor, for the reason `up` */
};

/* Reasons for a packet to go up: KERNEL_UP_…, rows of up.def. */
enum kernel_up {
#define UP(ident, name, doc) KERNEL_UP_##ident,
#include "vm/kernel/up.def"
    KERNEL_UPS
};

/* Reasons for a packet to take the long way: KERNEL_LONG_…, rows of long.def. */
enum kernel_long {
#define LONG(ident, name, doc) KERNEL_LONG_##ident,
#include "vm/kernel/long.def"
    KERNEL_LONGS
};

/* Findings of the second judgement, which programs with `audit` have (judge/would.bpf.c) */
enum kernel_would {
    KERNEL_WOULD_JUDGED = 1 << 0,
    KERNEL_WOULD_OTHER = 1 << 1,   /* the decision would differ, or another rule or default would decide */
    KERNEL_WOULD_CHANGES = 1 << 2, /* the packet's fate would differ */
    KERNEL_WOULD_DUE = 1 << 3,     /* the flow's state under audit is still to be noted */
    KERNEL_WOULD_BEGAN = 1 << 4,   /* the packet is the first of its flow that audit would change */
};

enum { KERNEL_ASKERS = 16 }; /* number of packets for asking threads of processes, behind those of CPUs */

enum { KERNEL_FORKS = 8 };
/* Position of a classifier's search between two turns of a loop (classify_turns.bpf.h). */
struct kernel_walk {
    uint64_t word, forks[KERNEL_FORKS]; /* words of the tree: the current one, and forks whose other part is still to be
                                           searched */
    uint32_t tree, blocks, formats;     /* first index of the classifier in each of these sections */
    uint32_t format;                    /* 1 + the format of the leaf; 0: not in a leaf */
    uint32_t block, from, waiting, best;
    uint64_t lane; /* the next lane, in a block of any format */
};
/* Position of a judge's function that searches again, between two turns: the entry to continue from, the result, and
 * the registers of the bytecode. */
struct kernel_again {
    uint64_t from, result, regs[8];
};

/* Look-up of an address in a set with live sets, between two turns (keyed/lives.bpf.c). */
struct kernel_member {
    uint64_t addr[2];       /* upper and lower half; IPv4: the address is the upper 32 bits */
    uint64_t lengths;       /* prefix lengths of the current live set that are still to be looked up */
    uint64_t turn;          /* turn of the base that was searched (struct live_shown) */
    uint32_t set;           /* the set whose node is the current one */
    uint8_t six, asks_base; /* asks_base: the live set's base is still to be searched */
    uint8_t dst;            /* 1: the address is the destination */
};

/* Receivers of copies of the current frame (copy/): the mirrors, and whether the frame's connection may be observed,
 * with the source that is looked up for it. */
struct kernel_asked {
    uint64_t mirrors, left; /* left: mirrors that have not been served yet */
    uint32_t from[4];
    uint16_t from_port;
    uint8_t own, observed; /* own: `from` is an address of the host; observed: the connection may be observed */
};

enum { KERNEL_EDITED = 192 };

struct kpkt {
    struct pkt pkt; /* its pointers are 0: the bytes are in head */
    struct key key;
    struct track_seen seen;
    struct flow flow; /* line of the flow in seen.slot, as look saw it */
    uint64_t serial;  /* number of the packet in this struct: a meter gives the same packet the same result twice */
    uint64_t now_ns;  /* CLOCK_MONOTONIC */
    uint64_t tick, tick_ns; /* timer tick in which the coarse clock was last read, and its time */
    uint64_t decision;      /* `decided` of judge.h; valid with KERNEL_JUDGED in flags */
    uint64_t would;         /* decision without the word `audit`; valid with KERNEL_WOULD_JUDGED in `said` */
    struct verdict verdict; /* set by act if `out` is PASS, DROP or SEND; judge sets `service` with `branch` */
    uint64_t mirrors;       /* mirrors that matched, one bit each: they copy the frame as it came, or as it leaves */
    uint32_t place;         /* index of this struct, which shows its owner */
    uint32_t branch;        /* branch of the service that takes the packet: index in BRANCHES, or PBC_NONE */
    uint32_t program;       /* serial of the program that judges the packet (counts.h) */
    uint32_t ifindex;       /* interface by which the packet came in or leaves */
    uint32_t out_if; /* with SEND: ifindex; for an asking process 1 + the interface's id in the program; 0: the incoming
                        interface */
    uint32_t datagram;  /* identification of the next outer packet that may be fragmented: a counter of act */
    uint32_t head_len;  /* bytes copied into head; pkt.head_len of them belong to the frame */
    uint32_t frame_len; /* set by look: length of the given frame */
    uint32_t served;    /* interface that counts the packet: kernel_port.served */
    uint16_t flags;     /* enum kernel_flag */
    uint8_t out;        /* enum kernel_out */
    uint8_t up;         /* enum kernel_up */
    uint16_t way,
        source_failed; /* set by judge if its program needs them: numbers that conditions compare (judge/way_find.h) */
    uint8_t found;     /* set by look: result of reading the frame where it is (enum express_read) */
    uint8_t said;      /* enum kernel_would: of a program with `audit` */
    uint16_t would_mark; /* set by judge: value of `state` without `audit` */
    uint16_t came; /* set by look for a forwarded packet at traffic control: 1 + the device's id in rules; else 0 */
    struct recipe recipe; /* with KERNEL_ORDINARY: copy of the recipe, whose kind is seen.recipe */
    struct splice_moves
        moves;     /* numbers of a spliced connection's slot; `recipe` is then a copy of this slot's recipe */
    uint32_t turn; /* set by look: turn at the gate of the spliced connection's slot (splice/slots.h); 0: none */
    uint32_t cuts; /* set by look: as in struct kernel_world */
    struct kernel_walk walk;   /* used with counted loops (loop.bpf.h) */
    struct kernel_again again; /* the same */
    struct kernel_asked asked;
    struct kernel_member member;
    struct kernel_members members; /* valid with `heard`, set by judge: results of live sets */
    struct route_seen routed;      /* the look-up of a way (judge/way_find.h) */
    struct route_branch may_meet;  /* for the same look-up: policy rules that the packet may or may not meet */
    uint32_t legs;                 /* number of a way with several legs (judge/way_find.h) */
    struct legs_tried tried;       /* findings of that way's legs so far */
    uint8_t missed;                /* enum kernel_long: set by look, for a packet that takes the long way */
    uint8_t arrives;               /* 1: set by look_in, for look_tc: the packet arrives */
    uint8_t skip;    /* bytes before the packet in its buffer, at traffic control (look_skip); elsewhere 0 */
    uint8_t nowhere; /* 1: a nat needed the packet's route, and there is none: set by judge, cleared by look */
    uint8_t heard;   /* 1: `members` is valid: set by judge of a program with live sets, cleared by look */
    uint8_t edited[KERNEL_EDITED] __attribute__((aligned(64))); /* the head as it leaves by traffic control */
    uint8_t head[KERNEL_HEAD] __attribute__((aligned(64)));
    uint8_t slack[KERNEL_SLACK];
};
