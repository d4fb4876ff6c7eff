/* Inline connections that leave the inline stack, for the packet path: messages between the proxy loop, which has
 * their sockets, and its worker.
 *
 *     loop                              worker
 *     INLINE_LEAVE, all was moved  ──▶  holds what the ends send, until all that was sent to them is acknowledged
 *                          ◀── INLINE_READ_ON: more had come before; move it, and try again
 *                          ◀── INLINE_STAYS: the connection can't leave; held bytes go to the sockets
 *                          ◀── INLINE_LEFT: close the sockets without a notice to the ends
 *                          ◀── INLINE_HALF: one end has finished, the other may go on
 *     INLINE_END                   ──▶  resets both ends, unless sockets do so; the connection is over
 *                          ◀── INLINE_OVER: both ends have finished, or one of them reset
 *
 * Between INLINE_LEAVE and the reply, the loop reads and writes nothing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The ends of a connection on the wire */
enum inline_at { AT_CLIENT, AT_SERVER };

/* Reasons for which a connection stays with its sockets, and for which a spliced one is over */
enum splice_why {
#define SPLICE_WHY(ident, key, doc) SPLICE_WHY_##ident,
#include "vm/flow/splice_why.def"
    SPLICE_WHYS
};

enum inline_ask_kind {
    INLINE_LEAVE,
    INLINE_END,    /* the connection is over; reset both ends of a spliced one */
    INLINE_TARGET, /* destination of the next connection to the server, at INLINE_TARGETS (inline_addr.h) */
};
struct inline_ask {
    uint8_t kind;   /* enum inline_ask_kind */
    uint8_t former; /* 1: sent by a loop of an earlier process, which has only connections with inline_conn.former */
    uint16_t port;
    uint32_t number; /* number of the connection; `port` is its port at INLINE_CLIENT, which a later connection doesn't
                        share */
    union {
        struct {
            uint64_t read[2], wrote[2]; /* bytes of payload, by enum inline_at, since the connection began */
        } moved;
        struct {
            uint32_t addr[4];
            uint16_t port;
            uint8_t keeps; /* 1: the server sees the client's address and port (always in the wire) */
        } target;
    } of;
};

enum inline_told_kind { INLINE_READ_ON, INLINE_STAYS, INLINE_LEFT, INLINE_HALF, INLINE_OVER };
struct inline_told {
    uint8_t kind; /* enum inline_told_kind */
    uint8_t why;  /* enum splice_why, of INLINE_STAYS and INLINE_OVER */
    uint16_t port;
    uint32_t number;
    uint32_t former; /* inline_conn.former: a loop of an earlier process may have the connection */
};

/* Packets and bytes of a spliced connection, by enum inline_at of the sender. Written by the worker and the kernel
 * executor, read by any thread; each word is read on its own. */
struct inline_carried {
    uint64_t packets[2], bytes[2]; /* `bytes` counts only payload */
    uint64_t seen_ns;
};
