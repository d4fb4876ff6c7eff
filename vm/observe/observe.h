/* Events of observed connections, as the core reports them to a writer. One worker reports the events of one
 * connection, in order: BEGIN, then BYTES, HOLE, DIFFERS and CHOSEN, at last END. A connection whose branch has
 * `ignore` has only END after CHOSEN, and BYTES come only if the branch has `stream`. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/stream/stream.h"

enum observe_kind {
    OBSERVE_BEGIN,   /* a connection was seen for the first time */
    OBSERVE_CHOSEN,  /* the connection's branch is known */
    OBSERVE_BYTES,   /* bytes of one half, in order: `offset` is the end of those before, holes included */
    OBSERVE_HOLE,    /* `len` bytes at `offset` never came, or there was no memory for them */
    OBSERVE_DIFFERS, /* `len` bytes at `offset` came twice and differed */
    OBSERVE_END,     /* the connection ended; `sum` has the reason */
    OBSERVE_KINDS
};
enum observe_half { OBSERVE_CLIENT, OBSERVE_SERVER, OBSERVE_HALVES };
enum observe_why {
#define OBSERVE_WHY(ident, name, doc) OBSERVE_WHY_##ident,
#include "vm/observe/why.def"
    OBSERVE_WHYS
};
extern const char *const observe_why_name[]; /* by enum observe_why */
enum observe_hole {
#define OBSERVE_HOLE(ident, name, doc) OBSERVE_HOLE_##ident,
#include "vm/observe/hole.def"
    OBSERVE_HOLES
};
extern const char *const observe_hole_name[]; /* by enum observe_hole */
enum observe_state { OBSERVE_OPENS, OBSERVE_OPEN, OBSERVE_CLOSES };
extern const char *const observe_state_name[]; /* by enum observe_state */

/* Ends of a connection, as its client saw them on the wire. */
struct observe_ends {
    uint32_t client[4], server[4]; /* addresses, as in struct key */
    uint16_t client_port, server_port;
    uint16_t vlan[2]; /* VIDs of the outer and inner tag; OBSERVE_NO_VLAN: none */
    uint16_t iface;   /* interface that its first packet came in by, as in struct key */
    uint8_t family;   /* family: 4 or 6 */
    bool midstream;   /* true if the SYN was not seen: offset 0 is the first byte seen */
};
#define OBSERVE_NO_VLAN 0xffffu

/* Sums of one half, over the packets that its side sent. */
struct observe_sum {
    uint64_t bytes, packets, holes, hole_bytes;
    uint64_t retransmitted, reordered, differing; /* counts of segments */
    uint64_t urgent;     /* segments with an urgent pointer; the urgent byte is also in the stream */
    uint64_t keepalives; /* probes of an idle side: neither new nor retransmitted */
    uint64_t rtt_min_ns, rtt_ns,
        rtt_max_ns; /* time from this side's data to the ACK: least, smoothed, most; 0: never measured */
    uint32_t rtt_count;
    bool fin; /* this side sent FIN */
};

/* Summary of a connection, at its end. Views are valid during the call; with `at` NULL: not found. */
struct observe_summary {
    uint8_t why; /* enum observe_why */
    uint64_t end_ns;
    uint64_t handshake_ns; /* time from SYN to the client's ACK of the SYN ACK; 0: not seen */
    struct observe_sum half[OBSERVE_HALVES];
    struct view sni, alpn; /* alpn: as in the extension, a length byte before each name */
    struct view host, method, path;
    uint16_t status; /* status of the first response; 0: none was read */
    bool reset_by_server;
};

struct program; /* vm/program/program.h */

struct observe_event {
    const struct program *program; /* program of which `observe` and `choice` are numbers */
    uint8_t kind;                  /* enum observe_kind */
    uint8_t half;                  /* enum observe_half, of BYTES, HOLE and DIFFERS */
    uint8_t does;                  /* enum pbc_does of the branch, once it is chosen; PBC_DOES before */
    uint8_t cause;                 /* enum observe_hole, of HOLE */
    uint32_t observe, choice; /* index in OBSERVES and in CHOICES of the program in force; choice PBC_NONE: none yet */
    uint64_t number;          /* number of the connection, never reused by this worker */
    uint64_t begin_ns, at_ns; /* time of its first packet, and of this event */
    const struct observe_ends *ends;
    uint64_t offset, len;              /* place in the half, for BYTES, HOLE, DIFFERS */
    const uint8_t *bytes;              /* BYTES: the `len` bytes, valid during the call */
    const struct observe_summary *sum; /* END: the summary */
};

/* A connection as listed while it is observed */
struct observe_record {
    uint64_t number; /* number of the connection, as in events */
    uint32_t observe, choice;
    uint8_t does;  /* enum pbc_does; PBC_DOES: undecided */
    uint8_t state; /* enum observe_state */
    struct observe_ends ends;
    uint64_t begin_ns, seen_ns;
    uint64_t cut_ns;            /* time of its cut (`-> proxy inline`); 0: not cut */
    struct observe_summary sum; /* summary so far: why is OPEN, end_ns 0 */
};

/* Receiver of events. It must not wait. vm_cfg.observed NULL: connections are followed and counted only. */
struct observe_out {
    void (*told)(void *arg, const struct observe_event *e);
    void *arg;
};
