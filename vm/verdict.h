/* Results of packets: verdicts, packets that leave, events, counters. */
#pragma once

#include "vm/packet/pkt.h"
#include "vm/tables.h"

#define RULE_NONE    UINT32_MAX       /* no rule: malformed, passed, or no firewall */
#define RULE_DEFAULT (UINT32_MAX - 1) /* default of a firewall, verdict.firewall */

/* Not judged: a reply of a bound flow, or an error that quotes one. */
#define VERDICT_REPLY 0x80u
/* Accepted, but the host stack must route the packet before the nat's translation is known. Or dropped
 * (REASON_NO_WAY): the host stack, which finds no route either, may notify the sender. */
#define VERDICT_HOSTS 0x20u
/* Decided after a rule opened a tunnel: the verdict belongs to the packet inside. */
#define VERDICT_INNER 0x40u

struct verdict {
    uint8_t action;           /* enum action */
    uint8_t reason;           /* enum pkt_reason */
    uint8_t flags;            /* enum pkt_flag from the parser: SNAPPED, BAD_CSUM; VERDICT_REPLY, VERDICT_INNER */
    uint8_t done;             /* 1: accepted or passed, but not to be handed on: the vm has answered the packet, or its
                               * inner packet leaves through vm_tx */
    uint32_t rule;            /* rule id, RULE_DEFAULT or RULE_NONE */
    uint32_t firewall;        /* firewall that judged, or PBC_NONE */
    uint32_t service, server; /* PBC_NONE: none */
    /* The verdict without the word `audit`, if another rule or default would decide, or the same would decide
     * differently: */
    uint32_t would;                      /* 1 + enum action; 0: audit changes nothing */
    uint32_t would_rule, would_firewall; /* as `rule` and `firewall`, in program->would */
};

/* True if audit would change the packet's fate. */
static inline bool verdict_changes(const struct verdict *v)
{
    const unsigned would = v->would - 1;
    if (!v->would) return false;
    if (would != ACTION_ACCEPT && would != ACTION_PASS) return would != v->action;
    return v->action == ACTION_DROP || v->action == ACTION_REJECT;
}

enum tx_kind {
    TX_SEND,
    TX_HOST,
    TX_FREE,
    TX_RESOLVE,
    TX_HANDOFF,
    TX_INLINE_STACK /* to the stack in which inline connections end (flow/inline_addr.h), from its IP header on */
};
/* Cause of a packet that leaves. */
enum tx_cause {
    TX_CAUSE_PACKET,
    TX_CAUSE_RST,
    TX_CAUSE_UNREACHABLE,
    TX_CAUSE_TIME_EXCEEDED,
    TX_CAUSE_TOO_BIG,
    TX_CAUSE_ECHO,      /* a reply from a service's address */
    TX_CAUSE_NEIGHBOUR, /* an ARP reply or neighbour advertisement for a service's address */
    TX_CAUSE_COOKIE,    /* the reply to a SYN, or the later SYN to the server */
    TX_CAUSE_INNER,     /* TX_HOST: the packet accepted inside `input`; the outer packet does not go to the host */
    TX_CAUSE_PROXY,     /* TX_HOST: an unchanged packet for a service whose connections end here */
    TX_CAUSE_INLINE,    /* TX_INLINE_STACK: the first packet of an inline connection, whose number is the cookie.
                         * TX_SEND: a packet in the name of such a connection's end; without a family its link header is
                         * final */
    TX_CAUSE_HELD,      /* a held packet, without `input`. TX_HOST: accepted; TX_FREE: dropped or forwarded (the packets
                         * sent for it have earlier entries) */
    TX_CAUSE_RESET,     /* TX_HOST: a RST in the name of an end of a rejected connection (`mode observe`), sent the way
                         * of that end's packets */
};
struct tx_entry {
    struct pkt *pkt; /* packet that the executor returns (pool_put) after use */
    uint8_t kind;    /* enum tx_kind */
    uint8_t cause;   /* enum tx_cause */
    uint16_t out_if; /* interface id, IFACE_NONE: the interface that it came from */
    uint32_t input;  /* index in pkts[] of the causing packet */
    uint64_t cookie; /* cookie of the causing packet */
    union {
        uint32_t next_hop[4]; /* TX_SEND, TX_RESOLVE: as in struct key; the executor writes its MAC into the frame */
        uint32_t outer_bytes; /* TX_CAUSE_HELD: bytes of the tunnel headers before it; 0: no tunnel */
    };
    uint32_t from[4];       /* with a family: source address for policy rules; all 0: the packet's own */
    uint16_t from_port;     /* with `from`: source port for policy rules; 0: the packet's own */
    uint8_t family;         /* family of next_hop; 0: the frame's destination MAC is final */
    struct verdict verdict; /* TX_CAUSE_HELD: final verdict of a packet that vm_run called `held` */
};

/* Way of an inline connection's packets, for callers of vm_inline_of */
enum inline_way {
    INLINE_WAY_OPENS,   /* the connection is being opened */
    INLINE_WAY_SOCKETS, /* to the sockets of the inline stack */
    INLINE_WAY_LEAVES,  /* to those sockets, which the connection may leave */
    INLINE_WAY_SPLICED, /* rewritten, to the peer */
    INLINE_WAY_CUT,     /* to sockets: the connection was cut into */
};
struct inline_goes {
    uint8_t way; /* enum inline_way */
    uint32_t service;
    uint64_t since_ns; /* time at which it began to go that way, or to be opened; 0: unknown */
};

/* A flow as it is reported. */
struct flow_record {
    uint32_t src[4], dst[4];     /* src: the side that opened the flow; dst: the other; as in struct key */
    uint16_t src_port, dst_port; /* ICMP queries: the identifier, and 0 */
    uint8_t proto, family;       /* family: 4 or 6 */
    uint8_t state;               /* last enum flow_state (flow/flow.h) */
    uint8_t end;                 /* enum flow_end; FLOW_ENDS: not ended */
    uint16_t vlan[2];            /* VIDs, outermost first; VLAN_UNTAGGED: none */
    uint64_t began_ns, seen_ns, ended_ns;
    /* For bound flows; for others service, server and nat are PBC_NONE. */
    uint32_t service, server, nat;
    uint32_t to_src[4], to_dst[4]; /* source as the other side sees it, and destination reached */
    uint16_t to_src_port, to_dst_port;
};
#define VLAN_UNTAGGED 0xffffu

enum event_kind { EVENT_LOG, EVENT_FLOW, EVENT_REFUSED };
struct event {
    uint8_t kind;            /* enum event_kind */
    uint32_t rule, input;    /* EVENT_LOG; input INPUT_NONE: a packet that was held */
    bool would;              /* EVENT_LOG: an audited rule; `rule` is a number of program->would */
    uint32_t entry;          /* index of that held packet in tx->entries */
    uint32_t server;         /* EVENT_REFUSED: server with a `passive` check that refused a new flow */
    struct flow_record flow; /* EVENT_FLOW: a flow that has ended; only with cfg.flow_events */
};

/* Packets and events that leave, in arrays of the caller. vm_run needs VM_TX_PER_PACKET free entries per packet and
 * counts the packets that it could not send; events past the end are counted in events_lost. */
struct vm_tx {
    struct tx_entry *entries;
    unsigned count, cap;
    struct event *events;
    unsigned event_count, event_cap;
    uint64_t events_lost;
};
#define INPUT_NONE       UINT32_MAX /* caused by a held packet or a timer, not by a packet of this call */
#define VM_TX_PER_PACKET 10         /* a reply or a sent packet, in up to eight pieces, and one held packet */
#define VM_BATCH         64

struct counter {
    uint64_t packets, bytes;
}; /* bytes: frames as on the wire */
static inline void counter_sum(struct counter *to, const struct counter *more)
{
    to->packets += more->packets;
    to->bytes += more->bytes;
}

/* Results of asking a meter, in packets. */
struct meter_counter {
    uint64_t within, over; /* within: packets with a token; over: packets without one */
    uint64_t overflowed;   /* packets of both that the shared bucket judged, because the table was full */
};

/* Bound flows (counter.def). Refusals are counted by reason. */
struct forward_counters {
#define FORWARD_COUNTER(field, kind, object, key, line, words, doc) uint64_t field;
#include "vm/counter.def"
};

/* Fragments. datagrams == complete + expired + evicted + those remembered now; overlaps, overfull and ends count
 * datagrams that ended. */
struct frag_counters {
#define FRAG_COUNTER(field, kind, object, key, line, words, doc) uint64_t field;
#include "vm/counter.def"
};

/* Observed connections (`mode observe`). */
struct observe_counters {
#define OBSERVE_COUNTER(field, kind, object, key, line, words, doc) uint64_t field;
#include "vm/counter.def"
};

/* Translation: its mappings, and translated flows and packets. */
struct mapping_counters {
#define MAPPING_COUNTER(field, kind, object, key, line, words, doc) uint64_t field;
#include "vm/counter.def"
};
struct nat_counters {
#define NAT_COUNTER(field, kind, object, key, line, words, doc) uint64_t field;
#include "vm/counter.def"
    const struct mapping_counters *mappings;
    const uint32_t *flows;            /* [program_all_nats]: flows that each statement translates now */
    const struct counter *statements; /* [program_all_nats]: packets of these flows sent on, in both directions;
                                       * strangers' packets to a mapped end count for its statement */
};

/* Counts without the word `audit`, for a rule or a default of program->would, or for an action. */
struct would_counter {
    struct counter decided; /* packets that it would decide, while another rule or default decides. For rules that do
                             * not decide: packets that would match */
    struct counter changed; /* packets with another verdict without `audit` */
    uint64_t flows;         /* flows with such packets, each counted for its first one */
};

/* Counters of one worker; each packet is in exactly one of `verdicts`. */
struct vm_counters {
    struct counter verdicts[ACTION_COUNT];
    struct counter reasons[REASON_COUNT]; /* REASON_NONE: dropped by a rule or default */
    const struct counter *rules;          /* [program->rules_count]: packets that matched the rule */
    const struct counter *defaults;       /* [program->firewalls_count]: packets that the firewall's default decided */
    struct counter earlier; /* decided by rules and defaults of earlier programs that this program lacks */
    const struct would_counter *would_rules;    /* [program->would->rules_count]; NULL: nothing is audited */
    const struct would_counter *would_defaults; /* [program->would->firewalls_count] */
    struct would_counter would[ACTION_COUNT];   /* by the action without `audit` */
    const struct meter_counter *meters; /* [program->meters_count]; for a rule's log: events sent, events left out */
    const struct counter *services;     /* [program->services_count]: packets taken by the service */
    const struct counter *unserved;     /* [program->services_count]: packets of the service without a server */
    const struct counter *servers;      /* [program->servers_count]: packets sent on for the server, with replies */
    const uint32_t *server_flows, *service_flows; /* [servers_count], [services_count]: flows bound now */
    const uint64_t
        *server_begun; /* [servers_count]: flows given to it; NULL, like the two above: no services or translation */
    const struct flow_counters *flows;       /* flow/flow.h; NULL: the program keeps no flows */
    const struct forward_counters *forward;  /* NULL: nothing is sent on */
    const struct nat_counters *nat;          /* NULL: no nats */
    const struct frag_counters *frags;       /* NULL: fragments do not follow their first */
    const struct observe_counters *observed; /* NULL: no connection is observed */
    const struct observe_counters *observes; /* [program->observes_count]; NULL: none is observed */
#define VM_COUNTER(field, kind, object, key, line, words, doc) uint64_t field;
#include "vm/counter.def"
};
