/* Records that the stages send to processes through the ring `events`: of fixed length, each with its kind first. A
 * record without room is counted (kernel_events_lost) and lost.
 *
 * A packet's record has the first bytes of its frame, so that readers parse and describe it as any other. */
#pragma once

#include <assert.h>
#include <stdint.h>

#include "vm/flow/table/ops.h"
#include "vm/kernel/counts.h"
#include "vm/kernel/gate.h"
#include "vm/packet/pkt.h"
#include "vm/pbc.h"
#include "vm/verdict.h"

enum kernel_event_kind {
    KERNEL_EVENT_LOG,       /* struct kernel_event_packet: a rule's `log` */
    KERNEL_EVENT_LOG_WOULD, /* the same, of a rule in audit, numbered as in program->would */
    KERNEL_EVENT_SAMPLE,    /* struct kernel_event_sample: one packet of many, with its verdict */
    KERNEL_EVENT_REJECT,    /* struct kernel_event_packet: a rejected packet of the host that needs a reply */
    KERNEL_EVENT_FLOW,      /* struct kernel_event_flow: the end of a flow */
    KERNEL_EVENT_LEFT, /* struct kernel_event_packet: a packet that only a process could take, and no process did */
    KERNEL_EVENT_DROP, /* struct kernel_event_packet: a sample of the dropped or rejected packets */
    KERNEL_EVENT_ADD,  /* struct kernel_event_add: a new member of a live set */
};

struct kernel_event {
    uint32_t kind;    /* enum kernel_event_kind */
    uint32_t program; /* serial of the program that judged the packet */
    uint64_t now_ns;  /* CLOCK_MONOTONIC in nanoseconds as the packet's rules saw it: in steps of a tick, or 0 */
};

#define KERNEL_DROP_PASSES (UINT32_C(1) << 31)
enum { KERNEL_EVENTS_BYTES = 1 << 20 /* size of the ring */ };
enum { KERNEL_EVENT_BYTES = 256, KERNEL_EVENT_JUDGED = 1, KERNEL_EVENT_FOREIGN = 2 };
struct kernel_event_packet {
    struct kernel_event event;
    uint32_t rule;     /* rule that logs or decided; KERNEL_EVENT_DROP: the number of drops that it represents, with
                        * KERNEL_DROP_PASSES if they pass anyway */
    uint32_t ifindex;  /* interface by which the packet came in or leaves */
    uint32_t place;    /* index of the kpkt in which the packet was judged; a process that asked knows its own */
    uint32_t len;      /* number of bytes in `bytes` */
    uint32_t wire_len; /* length of the frame on the wire */
    uint16_t iface, segment; /* as in struct pkt */
    uint8_t link, tag_count; /* enum pkt_link; number of tags that were taken off */
    uint16_t tags[2][2];     /* tpid and tci of the tags that were taken off, outermost first */
    uint16_t states;         /* value of `state`: MARK_STATES of the key. KERNEL_EVENT_JUDGED: rules judged the packet;
                                KERNEL_EVENT_FOREIGN: its frame is for another station */
    uint32_t world;          /* kernel_world.number */
    struct verdict verdict;  /* set except in a log */
    uint8_t bytes[KERNEL_EVENT_BYTES];
};
static_assert(sizeof(struct kernel_event_packet) % 8 == 0, "a record of whole words");

/* A packet with the results of its look-up in the flow table (vm/flow/track/met.h). Only processes know the bindings
 * of flows. */
struct kernel_event_sample {
    struct kernel_event_packet packet;
    struct flow flow; /* the flow's line as it was before the packet, if it had one */
    uint64_t at_ns;   /* CLOCK_MONOTONIC in nanoseconds, not ticks, when the verdict was known */
    int32_t slot;     /* slot of the flow's line */
    uint16_t came;    /* as in struct flow_met */
    uint8_t met;      /* enum met_has */
    uint8_t matters;  /* 1: always sent, because the packet is dropped, rejected, or changes a flow */
    uint32_t stands;  /* number of packets that it represents (world.thins); 0: not a sample */
    uint8_t due;      /* 1: the packet is one in every world.sample */
    uint8_t zero[3];
    struct kernel_members members; /* zero: no live set was asked */
};

/* Samplers of drops and of all packets, and the number of drops not reported because the ring was full: one row per
 * kpkt, which only the owning processor or process writes. */
enum { KERNEL_THIN_SEEN = 256 /* packets of a span that are all reported with world.thins */ };
struct kernel_drops {
    struct thins thins;
    struct thin seen; /* sampler of all packets (world.thins) */
    uint64_t untold;
};

/* The end of an unbound flow in the kernel. */
struct kernel_event_flow {
    struct kernel_event event;
    struct flow_gone gone;
};

/* A member that a rule adds to a live set. */
struct kernel_event_add {
    struct kernel_event event;
    uint32_t addr[4]; /* the packet's source or destination, as in struct key */
    uint32_t add;     /* row of ADDS */
    uint16_t len;     /* prefix length of the member */
    uint16_t v6;      /* 1: an address of IPv6 */
};

/* Make a view of the record's frame. The bytes stay in the record. */
static inline void kernel_event_view(const struct kernel_event_packet *e, struct pkt *pkt)
{
    const uint32_t len = e->len < KERNEL_EVENT_BYTES ? e->len : KERNEL_EVENT_BYTES;
    pkt_view(pkt, e->bytes, len, e->wire_len, (enum pkt_link)e->link, e->iface);
    pkt->segment = e->segment;
    pkt->tag_count = e->tag_count < 2 ? e->tag_count : 2;
    for (unsigned i = 0; i < 2; i++) {
        pkt->tags[i].tpid = e->tags[i][0];
        pkt->tags[i].tci = e->tags[i][1];
    }
}

/* Copies of whole frames that go from the stages to a process, for rules with `mirror` and for connections that
 * `mode observe` may take. One ring for all CPUs keeps their order, which observers need. Records without room are
 * counted.
 *
 * Shapes of maps `copies`, `mirrors`, `observes` and `copied` (runtime/kernel/maps/map.def). If the first program
 * copies nothing, these maps have one entry, and the kernel's verifier skips the stages' code for copies. */
enum {
    KERNEL_COPIED_BYTES = 1 << 24, /* size of the ring */
    KERNEL_OBSERVES = 1024,        /* endpoints of a program, as many as OBSERVE_ENDPOINTS holds */
};

/* A program's copies: one row per program, by serial, as in kernel_world.programs. */
struct kernel_copies {
    uint32_t serial;
    uint32_t snap;                   /* most bytes that any mirror wants of a frame */
    uint64_t sent;                   /* mirrors that copy leaving packets, one bit each */
    uint64_t clones;                 /* mirrors to a device that is up: at traffic control the frame is cloned to it */
    uint32_t observe, observe_count; /* index of its first entry in `observes`, and number of entries */
    uint64_t unseen;                 /* atomic: frames of observed connections that found no room */
    uint64_t zero[3];
};
static_assert(sizeof(struct kernel_copies) == 64, "a power of two");

/* A mirror of a program: place 64 * row + its number. Counters are atomic; the process that reads them sets them to
 * 0. */
struct kernel_mirror {
    uint32_t ifindex, longest; /* the device's ifindex (0: no device is up), and the longest frame that it sends */
    uint32_t snap, zero;
    uint64_t packets, bytes; /* copies that were cloned to the device */
    uint64_t down, busy; /* copies that the device did not take, because it was away or down (`down`), or because its
                            queue was full (`busy`) */
    uint64_t ring;       /* copies that found no room in the ring */
    uint64_t zero2;
};
static_assert(sizeof(struct kernel_mirror) == 64, "a power of two");

/* An endpoint of an observe service, with the conditions tested here; the process that gets a frame tests the rest. */
struct kernel_observe {
    uint32_t addr[4]; /* set with PBC_TO_ADDRESS, as in struct key */
    uint16_t port_lo, port_hi;
    uint8_t to, family; /* as in struct pbc_endpoint */
    uint8_t zero[10];
};
static_assert(sizeof(struct kernel_observe) == 32, "a power of two");

/* A record of the ring; the frame's bytes follow it. */
struct kernel_copied {
    uint32_t program;  /* serial of the program that `mirrors` belong to */
    uint32_t cap_len;  /* captured bytes that follow */
    uint32_t wire_len; /* length of the frame */
    uint16_t iface;    /* interface that the frame came in or leaves by, as in struct pkt */
    uint16_t segment;  /* as in struct pkt */
    uint64_t at_ns;    /* CLOCK_MONOTONIC, in nanoseconds */
    uint64_t mirrors;  /* mirrors that copy the frame, one bit each */
    uint8_t observed;  /* 1: the frame's connection may be observed */
    uint8_t served;    /* kernel_port.served of the frame's incoming interface, or KERNEL_SERVED for an edited frame */
    uint8_t link;      /* enum pkt_link */
    uint8_t flags;     /* PKT_CSUM_PARTIAL */
    uint8_t tag_count; /* tags that were taken off */
    uint8_t zero[3];
    uint16_t tags[2][2]; /* tpid and tci, outermost first */
    uint64_t zero2;
};
static_assert(sizeof(struct kernel_copied) == 56, "no padding");
