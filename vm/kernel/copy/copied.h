/* Copies of whole frames that go from the stages to a process: for rules with `mirror`, and of connections that
 * `mode observe` watches. A ring for all CPUs keeps their order, which observers want. What finds no room is counted.
 *
 * Shapes of maps `copies`, `mirrors`, `watches` and `copied` (runtime/kernel/maps/map.def). Where the program of the
 * start copies nothing, these have one entry, and the kernel's verifier leaves out the stages' code about copies. */
#pragma once

#include <assert.h>
#include <stdint.h>

#include "vm/kernel/counters.h"
#include "vm/pbc.h"

enum {
    KERNEL_COPIED_BYTES = 1 << 24, /* size of the ring */
    KERNEL_WATCHES = 1024,         /* endpoints of a program, as many as OBSERVE_ENDPOINTS holds */
};

/* A program's copies: a row each, by serial, as in kernel_world.programs. */
struct kernel_copies {
    uint32_t serial;
    uint32_t snap;               /* most bytes that any mirror wants of a frame */
    uint64_t sent;               /* mirrors that copy what leaves, a bit each */
    uint64_t clones;             /* mirrors to a device that is up: at traffic control the frame is cloned to it */
    uint32_t watch, watch_count; /* its entries of `watches` */
    uint64_t unseen;             /* atomic: frames of observed connections that found no room */
    uint64_t zero[3];
};
static_assert(sizeof(struct kernel_copies) == 64, "a power of two");

/* A mirror of a program: place 64 * row + its number. Counters are atomic, and taken away by the process that reads. */
struct kernel_mirror {
    uint32_t ifindex, longest; /* the device's number (0: none that is up), and the longest frame that it sends */
    uint32_t snap, zero;
    uint64_t packets, bytes; /* copies that were cloned to the device */
    uint64_t down, busy;     /* copies that it did not take: away or down, its queue full */
    uint64_t ring;           /* copies that found no room */
    uint64_t zero2;
};
static_assert(sizeof(struct kernel_mirror) == 64, "a power of two");

/* An endpoint of an observe service, as far as it is asked here: the process that gets a frame asks the rest. */
struct kernel_watch {
    uint32_t addr[4]; /* with PBC_TO_ADDRESS, as in struct key */
    uint16_t port_lo, port_hi;
    uint8_t to, family; /* as in struct pbc_endpoint */
    uint8_t zero[10];
};
static_assert(sizeof(struct kernel_watch) == 32, "a power of two");

/* A record of the ring; the bytes follow. */
struct kernel_copied {
    uint32_t program;  /* serial of the program that `mirrors` are of */
    uint32_t cap_len;  /* bytes that follow and count */
    uint32_t wire_len; /* length of the frame */
    uint16_t iface;    /* interface that it came in or leaves by, as in struct pkt */
    uint16_t segment;  /* as in struct pkt */
    uint64_t at_ns;    /* CLOCK_MONOTONIC, in nanoseconds */
    uint64_t mirrors;  /* mirrors that copy it, a bit each */
    uint8_t observed;  /* 1: of a connection that may be observed */
    uint8_t served; /* kernel_port.served of the interface that it came in by; of one that was edited KERNEL_SERVED */
    uint8_t link;   /* enum pkt_link */
    uint8_t flags;  /* PKT_CSUM_PARTIAL */
    uint8_t tag_count; /* tags that were taken off */
    uint8_t zero[3];
    uint16_t tags[2][2]; /* tpid and tci, outermost first */
    uint64_t zero2;
};
static_assert(sizeof(struct kernel_copied) == 56, "no padding");
