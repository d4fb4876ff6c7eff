/* What the stages tell processes through the ring `events`: records of fixed length, each with its kind first. One that
 * finds no room is counted (kernel_events_lost) and gone.
 *
 * A packet's record has the first bytes of its frame, so that who reads it parses and describes it as ever. */
#pragma once

#include <assert.h>

#include "vm/flow/table/ops.h"
#include "vm/packet/pkt.h"
#include "vm/verdict.h"

enum kernel_event_kind {
    KERNEL_EVENT_LOG,    /* struct kernel_event_packet: a rule's `log` */
    KERNEL_EVENT_SAMPLE, /* struct kernel_event_sample: one packet of many, once its verdict is known */
    KERNEL_EVENT_REJECT, /* struct kernel_event_packet: what the host sends is rejected, and to be answered */
    KERNEL_EVENT_FLOW,   /* struct kernel_event_flow */
};

struct kernel_event {
    uint32_t kind;    /* enum kernel_event_kind */
    uint32_t program; /* serial of the program that judged it */
    uint64_t now_ns;  /* CLOCK_MONOTONIC, as its rules saw it: by ticks, or 0 */
};

enum { KERNEL_EVENTS_BYTES = 1 << 20 /* of the ring */ };
enum { KERNEL_EVENT_BYTES = 256, KERNEL_EVENT_JUDGED = 1 };
struct kernel_event_packet {
    struct kernel_event event;
    uint32_t rule;           /* of a log */
    uint32_t ifindex;        /* where it came in, or leaves */
    uint32_t place;          /* of the kpkt that it was judged in: who asked knows his own */
    uint32_t len;            /* of bytes */
    uint32_t wire_len;       /* of the frame */
    uint16_t iface, segment; /* as in struct pkt */
    uint8_t link, tag_count; /* likewise; tags that were taken off */
    uint16_t tags[2][2];     /* their tpid and tci, outermost first */
    uint16_t states;         /* what `state` said of it: MARK_STATES of its key; KERNEL_EVENT_JUDGED: by rules */
    uint32_t world;          /* kernel_world.number */
    struct verdict verdict;  /* of all but a log */
    uint8_t bytes[KERNEL_EVENT_BYTES];
};
static_assert(sizeof(struct kernel_event_packet) % 8 == 0, "a record of whole words");

/* With what it met in the flow table (vm/flow/track/met.h): only the process knows as what flows are sent on. */
struct kernel_event_sample {
    struct kernel_event_packet packet;
    struct flow flow; /* the line as it was before the packet, where it had one */
    uint64_t at_ns;   /* CLOCK_MONOTONIC, by the nanosecond: when its verdict was known */
    int32_t slot;     /* of that line */
    uint16_t met;     /* enum met_has */
    uint16_t matters; /* 1: told of in any case: it was dropped or rejected, or changes a flow */
};

/* A flow that is not sent on, and ended in the kernel. */
struct kernel_event_flow {
    struct kernel_event event;
    struct flow_gone gone;
};

/* A view of the frame, whose bytes are the record's. */
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
