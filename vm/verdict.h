/* What comes of packets: verdicts, what leaves, events, counters. */
#pragma once

#include "vm/packet/pkt.h"
#include "vm/tables.h"

#define RULE_NONE    UINT32_MAX       /* no rule: malformed, passed, or no firewall */
#define RULE_DEFAULT (UINT32_MAX - 1) /* a firewall's default, see verdict.firewall */

/* Not judged: a reply of a flow that was sent on, or an error that quotes one. */
#define VERDICT_REPLY 0x80u
/* A rule that opens a tunnel decided about the packet: the verdict is of what was inside. */
#define VERDICT_INSIDE 0x40u

struct verdict {
    uint8_t action; /* enum action */
    uint8_t reason; /* enum pkt_reason */
    uint8_t flags;  /* enum pkt_flag of what the parser noticed: SNAPPED, BAD_CSUM; VERDICT_REPLY, VERDICT_INSIDE */
    uint8_t done;   /* 1: accepted or passed, and nothing is left to hand on: the vm has answered it, or what was inside
                       leaves through vm_tx */
    uint32_t rule;  /* id, RULE_DEFAULT or RULE_NONE */
    uint32_t firewall;        /* that judged, or PBC_NONE */
    uint32_t service, server; /* PBC_NONE */
};

enum tx_kind { TX_SEND, TX_HOST, TX_FREE, TX_RESOLVE, TX_HANDOFF };
/* Why a packet leaves. */
enum tx_cause {
    TX_CAUSE_PACKET,
    TX_CAUSE_RST,
    TX_CAUSE_UNREACHABLE,
    TX_CAUSE_TIME_EXCEEDED,
    TX_CAUSE_TOO_BIG,
    TX_CAUSE_ECHO,      /* a reply from a service's address */
    TX_CAUSE_NEIGHBOUR, /* an ARP reply or neighbour advertisement for one */
    TX_CAUSE_COOKIE,    /* the answer to a SYN, or what opens the connection to the server after it */
    TX_CAUSE_INSIDE,    /* TX_HOST: what was accepted inside the packet `input`, which is not the host's */
    TX_CAUSE_PROXY,     /* TX_HOST: it goes to a service whose connections end here, as it came */
    TX_CAUSE_HELD, /* it was held: TX_HOST accepted, TX_FREE dropped or forwarded: then what left has an entry of its
                      own before this one; `input` is nothing */
};
struct tx_entry {
    struct pkt *pkt; /* the executor puts it back (pool_put) after use */
    uint8_t kind;    /* enum tx_kind */
    uint8_t cause;   /* enum tx_cause */
    uint16_t out_if; /* interface id, IFACE_NONE: the one it came from */
    uint32_t input;  /* index in pkts[] of the packet that caused it */
    uint64_t cookie; /* of that packet */
    union {
        uint32_t next_hop[4]; /* TX_SEND, TX_RESOLVE: as in struct key; whose MAC the executor puts into the frame */
        uint32_t outer_bytes; /* TX_CAUSE_HELD: of the tunnel's headers that it was found behind; 0: none */
    };
    uint8_t family;         /* of next_hop; 0: the frame's destination MAC is final */
    struct verdict verdict; /* of a TX_CAUSE_HELD entry: the final one of a packet that vm_run called `held` */
};

/* A flow as others are told of it. */
struct flow_record {
    uint32_t src[4], dst[4];     /* of the side that opened it, and the other; as in struct key */
    uint16_t src_port, dst_port; /* ICMP queries: the identifier, 0 */
    uint8_t proto, family;       /* family: 4 or 6 */
    uint8_t state;               /* enum flow_state (flow/flow.h), its last */
    uint8_t end;                 /* enum flow_end; FLOW_ENDS: it goes on */
    uint16_t vlan[2];            /* VIDs, outermost first; VLAN_UNTAGGED */
    uint64_t began_ns, seen_ns, ended_ns;
    /* One that is sent on; else service, server and nat are PBC_NONE. */
    uint32_t service, server, nat;
    uint32_t to_src[4], to_dst[4]; /* what the side that opened it is seen as, and whom it reaches */
    uint16_t to_src_port, to_dst_port;
};
#define VLAN_UNTAGGED 0xffffu

enum event_kind { EVENT_LOG, EVENT_FLOW, EVENT_REFUSED };
struct event {
    uint8_t kind;            /* enum event_kind */
    uint32_t rule, input;    /* of EVENT_LOG; input INPUT_NONE: of a packet that was held */
    uint32_t entry;          /* then: index in tx->entries of that packet */
    uint32_t server;         /* of EVENT_REFUSED: whose check is `passive`; it has refused a new flow */
    struct flow_record flow; /* of EVENT_FLOW: one that has ended; only with cfg.flow_events */
};

/* Where packets and events leave; arrays are the caller's. vm_run needs VM_TX_PER_PACKET free entries a packet and
 * counts what it could not send; events past the end are counted in events_lost. */
struct vm_tx {
    struct tx_entry *entries;
    unsigned count, cap;
    struct event *events;
    unsigned event_count, event_cap;
    uint64_t events_lost;
};
#define INPUT_NONE       UINT32_MAX /* no packet of this call: it was held, or time went by */
#define VM_TX_PER_PACKET 10 /* an answer or what is sent on, in up to eight pieces, and one packet that was held */
#define VM_BATCH         64

struct counter {
    uint64_t packets, bytes;
}; /* bytes: of the frame on the wire */

/* What became of the packets that asked a meter. */
struct meter_counter {
    uint64_t within, over; /* had a token, had none */
    uint64_t overflowed;   /* of both: judged by the shared bucket, for the table was full */
};

/* Flows that are sent on (counter.def). Reasons say what was refused. */
struct forward_counters {
#define FORWARD_COUNTER(field, kind, object, key, line, words, doc) uint64_t field;
#include "vm/counter.def"
};

/* Fragments. datagrams == complete + expired + evicted + those remembered now; overlaps, overfull and ends are of those
 * that ended. */
struct frag_counters {
#define FRAG_COUNTER(field, kind, object, key, line, words, doc) uint64_t field;
#include "vm/counter.def"
};

/* Translation: its mappings, and what is translated. */
struct mapping_counters {
#define MAPPING_COUNTER(field, kind, object, key, line, words, doc) uint64_t field;
#include "vm/counter.def"
};
struct nat_counters {
#define NAT_COUNTER(field, kind, object, key, line, words, doc) uint64_t field;
#include "vm/counter.def"
    const struct mapping_counters *mappings;
    const uint32_t *flows;            /* [program_all_nats]: how many each statement translates now */
    const struct counter *statements; /* [program_all_nats]: packets of their flows that were sent on, both
                                         directions; of strangers at a mapped end: its statement's */
};

/* One worker's counters; every packet is in exactly one of `verdicts`. */
struct vm_counters {
    struct counter verdicts[ACTION_COUNT];
    struct counter reasons[REASON_COUNT]; /* REASON_NONE: dropped by a rule or default */
    const struct counter *rules;          /* [program->rules_count]: packets that the rule matched */
    const struct counter *defaults;       /* [program->firewalls_count] */
    struct counter earlier; /* decided by rules and defaults of programs before, which this one has no more */
    const struct meter_counter *meters; /* [program->meters_count]; of a rule's log: events sent, left out */
    const struct counter *services;     /* [program->services_count]: packets that the service took */
    const struct counter *unserved;     /* [program->services_count]: of them, those that found no server */
    const struct counter *servers; /* [program->servers_count]: packets of its flows that were sent on, replies too */
    const uint32_t *server_flows, *service_flows; /* [servers_count], [services_count]: flows that are bound now */
    const uint64_t *server_begun; /* [servers_count]: flows that it was given; NULL like these: nothing is sent on */
    const struct flow_counters *flows;      /* flow/flow.h; NULL: the program keeps none */
    const struct forward_counters *forward; /* NULL: nothing is sent on */
    const struct nat_counters *nat;         /* NULL: there are no nats */
    const struct frag_counters *frags;      /* NULL: no fragment follows its first */
#define VM_COUNTER(field, kind, object, key, line, words, doc) uint64_t field;
#include "vm/counter.def"
};
