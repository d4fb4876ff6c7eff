/* TCP connections of a capture, put together by plain code that knows nothing of the flow table: for tests that follow
 * them. */
#ifndef TESTS_LIB_TRACE_H
#define TESTS_LIB_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/flow/flow.h"

struct trace_side {
    uint32_t addr[4];
    uint32_t tags[4]; /* of Ethernet frames, outermost first: TPID and VID; 0 */
    uint16_t port, reserved;
};

/* A well-formed TCP packet. The frame's bytes are a copy, the trace's. */
struct trace_segment {
    struct trace_side from, to;
    struct tcp_segment tcp;
    unsigned frame; /* from 1 */
    uint64_t time_ns;
    bool taken; /* by trace_connection */
    uint8_t *bytes;
    uint32_t cap_len, wire_len;
    uint8_t link; /* enum pkt_link */
};

struct trace {
    struct trace_segment *v;
    size_t count, cap;
};

/* False for an unreadable capture. A broken capture gives the frames before its fault. */
bool trace_read(struct trace *t, const char *path);
void trace_free(struct trace *t);

/* The segments between two sides from a SYN on, in order; dir[i] is 0 for the side that sent it. */
struct connection {
    const struct trace_segment **v;
    uint8_t *dir;
    size_t count;
    bool whole;     /* SYN, its SYN|ACK and that one's ACK are among them */
    bool one_sided; /* the other side sent nothing */
    bool put_right; /* the SYN|ACK stood before its SYN: they were captured out of order, and changed places */
};

/* The next connection: segments that no earlier call gave, from the first SYN on that is among them. False: no more.
 * Freed by connection_free. */
bool trace_connection(struct trace *t, struct connection *c);
void connection_free(struct connection *c);

#endif
