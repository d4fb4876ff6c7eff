/* An observed frame in its output form: a line of a trace, or a block of a capture. */
#pragma once

#include "runtime/ctl/server.h"
#include "runtime/exchange/tape.h"
#include "runtime/report/text.h"

enum { SEEN_IN_KERNEL = UINT32_MAX /* no worker has seen it */ };
struct seen {
    uint64_t wall_ns, at_ns; /* time of its verdict, by both clocks: CLOCK_REALTIME, CLOCK_MONOTONIC */
    unsigned worker;
    const char *device; /* interface by which it came */
    unsigned iface;     /* index of the served interface where it was judged */
    const struct tape_verdict *verdict;
    const struct labels *labels;    /* names of the program that judged it; NULL: unknown */
    const struct tape_frame *frame; /* followed by its bytes */
};

/* Make a view of the packet's bytes on the tape, which no one overwrites before the record is released. */
void seen_packet(const struct seen *s, struct pkt *pkt);

/* Write a document: time, interface, packet in words, size, verdict. False: no room. */
bool seen_line(struct call *c, const struct seen *s);
/* Write the head of a pcapng file. Write a packet of it (second function), at most `snap` bytes, with its verdict as
 * a comment. framed: as in blocks_seen. */
bool seen_section(struct call *c, const char *const devices[], const uint8_t links[], unsigned count);
bool seen_block(struct call *c, const struct seen *s, bool framed, uint32_t snap);
