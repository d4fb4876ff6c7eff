/* TCP connections of a capture, assembled by plain code that is independent of the flow table: for tests that follow
 * them. */
#ifndef TESTS_LIB_TRACE_H
#define TESTS_LIB_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/flow/flow.h"

struct trace_side {
    uint32_t addr[4];
    uint32_t tags[4]; /* Ethernet tags, outermost first: TPID and VID; 0: none */
    uint16_t port, reserved;
};

/* A well-formed TCP packet. The trace owns a copy of the frame's bytes. */
struct trace_segment {
    struct trace_side from, to;
    struct tcp_segment tcp;
    unsigned frame; /* number of the frame, from 1 */
    uint64_t time_ns;
    bool taken; /* trace_connection has returned it */
    uint8_t *bytes;
    uint32_t cap_len, wire_len;
    uint8_t link; /* enum pkt_link */
};

struct trace {
    struct trace_segment *v;
    size_t count, cap;
};

/* Read a capture. Returns false if it can't be read; from a broken capture it takes the frames before the fault. */
bool trace_read(struct trace *t, const char *path);
void trace_free(struct trace *t);

/* The segments between two sides from a SYN on, in order; dir[i] is 0 for the side that sent it. */
struct connection {
    const struct trace_segment **v;
    uint8_t *dir;
    size_t count;
    bool whole;     /* contains the SYN, its SYN|ACK and the ACK of that */
    bool one_sided; /* the other side sent nothing */
    bool put_right; /* the SYN|ACK was captured before its SYN, and the two were exchanged */
};

/* Find the next connection: segments that no earlier call returned, from their first SYN on. Returns false if there
 * are no more. The caller frees it with connection_free. */
bool trace_connection(struct trace *t, struct connection *c);
void connection_free(struct connection *c);

#endif
