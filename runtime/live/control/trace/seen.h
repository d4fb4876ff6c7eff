/* A frame that somebody looks on at, as it is told: a line of a trace, or a block of a capture. */
#pragma once

#include "runtime/ctl/server.h"
#include "runtime/exchange/tape.h"
#include "runtime/report/text.h"

enum { SEEN_IN_KERNEL = UINT32_MAX /* no worker has seen it */ };
struct seen {
    uint64_t wall_ns;
    unsigned worker;
    const char *device; /* that it came by, */
    unsigned iface;     /* and its place among those that are served */
    const struct tape_verdict *verdict;
    const struct labels *labels;    /* NULL: names are not known any more */
    const struct tape_frame *frame; /* its bytes behind it */
};

/* A document: time, interface, the packet in words, its bytes, what became of it. False: it found no room. */
bool seen_line(struct call *c, const struct seen *s);
/* The beginning of a pcapng file; a packet in it, at most `snap` bytes of it, its verdict as a comment. */
bool seen_section(struct call *c, const char *const devices[], unsigned count);
bool seen_block(struct call *c, const struct seen *s, uint32_t snap);
