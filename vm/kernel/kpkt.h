/* A packet on its way through the stages in the kernel: look, judge, act. One lies in a map for each CPU; what stages
 * tell each other stands in it, for a tail call carries nothing else. Processes map it: who runs a stage by
 * BPF_PROG_TEST_RUN says here how the frame came, and reads here what became of it.
 *
 * The frame's first bytes are copied into `head`, so all that parses, compares and asks works on memory that the
 * verifier knows the length of, whatever the frame is in (an XDP buffer, a socket buffer in pieces). Only what edits
 * and sends touches the frame itself. */
#pragma once

#include "vm/flow/track/track.h"
#include "vm/kernel/gate.h"
#include "vm/packet/edit/recipe.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/verdict.h"

/* Bytes of a frame that rules and headers may lie in: a power of two. A program whose reach is longer, or a packet
 * whose headers are, goes up. */
enum { KERNEL_HEAD = 2048, KERNEL_SLACK = 128 /* may be read behind any byte of it */ };

/* What becomes of it. */
enum kernel_out {
    KERNEL_NONE, /* not yet known */
    KERNEL_PASS, /* to the host, or from it to the wire: verdicts accept and pass */
    KERNEL_DROP, /* verdicts drop, and reject where no answer leaves */
    KERNEL_SEND, /* edited, out by `out_if`: verdict forward */
    KERNEL_UP,   /* to the executor in user space, for `up` */
};

/* Why a packet goes up: KERNEL_UP_…, rows of up.def. */
enum kernel_up {
#define UP(ident, name, doc) KERNEL_UP_##ident,
#include "vm/kernel/up.def"
    KERNEL_UPS
};

enum { KERNEL_ASKERS = 16 }; /* processes' threads that have a packet of their own, behind those of CPUs */

enum { KERNEL_FORKS = 8 };
/* Where the search of a classifier stands between two turns of a loop (classify_turns.bpf.h). */
struct kernel_walk {
    uint64_t word, forks[KERNEL_FORKS]; /* of the tree: the one at hand, and those that wait */
    uint32_t tree, blocks, formats;     /* where the classifier's begin */
    uint32_t format;                    /* 1 + the leaf's; 0: not in a leaf */
    uint32_t block, from, waiting, best;
};
/* And where a function of the judge stands that searches again: the entry that it goes on from, what it has found, and
 * the registers of the bytecode. */
struct kernel_again {
    uint64_t from, result, regs[8];
};

struct kpkt {
    struct pkt pkt; /* its pointers are 0: the bytes are in head */
    struct key key;
    struct track_seen seen;
    struct flow flow;       /* the line of the flow in seen.slot, as look saw it */
    uint64_t serial;        /* of the packet, among those that were here: a meter tells it the same twice */
    uint64_t now_ns;        /* CLOCK_MONOTONIC */
    uint64_t tick, tick_ns; /* of the timer, the one that the coarse clock was last asked in, and what it said */
    uint64_t decision;      /* as judge.h's `decided`, with KERNEL_JUDGED */
    struct verdict verdict; /* with out PASS, DROP and SEND: act's. `service` is judge's, with `branch` */
    uint32_t place;         /* whose it is: the index of this struct */
    uint32_t branch;        /* of the service that takes it: index in BRANCHES, or PBC_NONE */
    uint32_t program;       /* serial of the program that it is judged by (counters.h) */
    uint32_t ifindex;       /* where it came in, or leaves */
    uint32_t out_if;        /* KERNEL_SEND: ifindex (asked: the program's id of it, plus 1); 0: the one it came from */
    uint32_t datagram;      /* identification of the next outer packet that may be cut: act's own, counted on */
    uint32_t head_len;      /* bytes of head that were copied; of the frame are pkt.head_len */
    uint32_t frame_len;     /* look's: of the frame that it was given */
    uint32_t served;        /* which interface counts it: kernel_port.served */
    uint16_t flags;         /* enum kernel_flag */
    uint8_t out;            /* enum kernel_out */
    uint8_t up;             /* enum kernel_up */
    uint16_t way, source_failed; /* judge's, where its program asks: numbers that conditions compare (judge/ways.h) */
    uint8_t found;               /* look's: what it could read where it lies (enum quick) */
    struct recipe recipe;        /* with KERNEL_ORDINARY: a copy, its kind is seen.recipe */
    struct kernel_walk walk;     /* where loops are counted (loop.bpf.h) */
    struct kernel_again again;   /* likewise */
    uint8_t head[KERNEL_HEAD] __attribute__((aligned(64)));
    uint8_t slack[KERNEL_SLACK];
};
