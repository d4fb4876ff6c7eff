/* Bindings: the tuple and server with which a balanced or translated flow is sent on, and the way back of its replies.
 *
 * A flow that is sent on has a third line beside its slot (flow.h): the binding. If the other side sees another tuple
 * (both ways of passthrough, nat), that tuple is in the same table as the flow's *twin*, a slot that only leads back
 * (flow_table.h):
 *
 *      client:port > service:port          slot of the flow    FLOW_ORIGINAL -> rewritten to `to`
 *      source:port > server:port           slot of its twin    FLOW_REPLY    -> rewritten to the flow's reversed tuple
 *
 * Both live and end together. A DSR flow has no twin, because its replies do not pass prey; errors about the
 * server's packets quote the flow's own tuple, reversed. A binding never changes while its flow lives (except by `on
 * down`), whatever happens to pools, weights or health. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

/* Kind of a binding: of a service, or of a nat that changes the source, the destination, or both. For both, `nat` is
 * the statement of the source. */
enum bind_kind { BIND_SERVICE, BIND_NAT_SOURCE, BIND_NAT_FORWARD, BIND_NAT_BOTH };
static inline bool bind_changes_source(uint8_t kind) { return kind == BIND_NAT_SOURCE || kind == BIND_NAT_BOTH; }

struct flow_bind {
    uint32_t to_src[4], to_dst[4];     /* addresses with which the original direction leaves, as in struct key */
    uint16_t to_src_port, to_dst_port; /* their ports; ICMP queries: to_src_port is the identifier */
    uint32_t server;                   /* index of the server; PBC_NONE: nat */
    uint32_t branch;                   /* branch of the service; PBC_NONE: a nat, which `nat` names */
    uint32_t space;                    /* port space of to_src_port (ports.h); PBC_NONE: no port was taken */
    uint8_t client_mac[6]; /* source MAC of the opener's last packet, to which replies go; all 0: the link has no MAC
                            * addresses, or it is unknown; BIND_UNSERVED: the opener is behind an interface that is
                            * not served */
    uint16_t client_iface; /* interface by which the flow began; IFACE_NONE: not known */
    uint32_t seq_delta;    /* joined flow: server's numbers minus prey's; BIND_AWAITED: prey's first number */
    uint8_t kind;          /* enum bind_kind */
    uint8_t flags;         /* enum bind_flag */
    union {
        uint16_t nat;     /* BIND_NAT_*: index of the nat in NATS */
        uint16_t retried; /* BIND_SERVICE: number of times that the client's SYN went to another server (`retries`) */
    };
};
static_assert(sizeof(struct flow_bind) == 64, "one line");

#define BIND_UNSERVED UINT64_C(0xffffffffffff) /* not the MAC of any station */

enum bind_flag {
    BIND_CLIENT_KNOWN = 1 << 0, /* the client is counted at the service (affinity.h) */
    BIND_HOLDS_SRC = 1 << 1,    /* to_src is the outside end of a mapping that the flow holds (mappings.h) */
    BIND_HOLDS_DST = 1 << 2,    /* the requested destination is the outside end of a mapping */
    BIND_AGE = 1 << 4,          /* parity of the program that the binding's numbers belong to (track_renew) */
    BIND_BY_HOST = 1 << 5,      /* the host has routed the opener's packets to prey, so it routes the replies, too */
    BIND_CHALLENGED = 1 << 6,   /* the server knew an older connection of these ends, and sent a challenge ACK */
    BIND_AWAITED = 1 << 3,      /* joined flow whose server has not answered prey's SYN yet */
};
