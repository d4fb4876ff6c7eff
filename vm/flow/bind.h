/* Bindings: what a balanced or translated flow is sent on as, and how its replies find their way back.
 *
 * A flow that is sent on has a third line beside its slot (flow.h): the binding. Where the other side sees another
 * tuple (both ways of passthrough, nat) that tuple stands in the same table as the flow's *twin*, a slot that only
 * leads back (table.h):
 *
 *      client:port > service:port          slot of the flow    FLOW_ORIGINAL -> rewritten to `to`
 *      source:port > server:port           slot of its twin    FLOW_REPLY    -> rewritten to the flow's own tuple,
 * reversed
 *
 * Both live and end together. A DSR flow has no twin: its replies do not come here; errors about what the server sent
 * quote the flow's own tuple, reversed.
 * A binding never changes while its flow lives (but by `on down`), whatever happens to pools, weights or health. */
#pragma once

#include <assert.h>
#include <stdint.h>

enum bind_kind { BIND_SERVICE, BIND_NAT_SOURCE, BIND_NAT_FORWARD };

struct flow_bind {
    uint32_t to_src[4], to_dst[4];     /* the original direction leaves with these; as in struct key */
    uint16_t to_src_port, to_dst_port; /* of ICMP queries to_src_port is the identifier */
    uint32_t server;                   /* PBC_NONE: nat */
    uint32_t branch;                   /* of the service, PBC_NONE: nat; then `nat` is its index in NATS */
    uint32_t space;                    /* that to_src_port was taken from (ports.h); PBC_NONE: none was */
    uint8_t client_mac[6]; /* of the last packet from the opener: replies go there; all 0: its link has none */
    uint16_t client_iface;
    uint32_t seq_delta; /* of a joined flow: what the server's numbers are ahead of ours; BIND_AWAITED: our first one */
    uint8_t kind;       /* enum bind_kind */
    uint8_t flags;      /* enum bind_flag */
    union {
        uint16_t nat;     /* BIND_NAT_*: its index in NATS */
        uint16_t retried; /* BIND_SERVICE: how often its client's SYN went to another server (`retries`) */
    };
};
static_assert(sizeof(struct flow_bind) == 64, "one line");

enum bind_flag {
    BIND_CLIENT_KNOWN = 1 << 0, /* its client is counted at its service (affinity.h) */
    BIND_HOLDS_SRC = 1 << 1,    /* to_src is the outside end of a mapping that it holds (mappings.h) */
    BIND_HOLDS_DST = 1 << 2,    /* the destination that was asked for is */
    BIND_AGE = 1 << 4,          /* the parity of the program that its numbers are of (track_renew) */
    BIND_AWAITED = 1 << 3,      /* joined, and the server has not answered our SYN yet */
};
