/* The packet VM: programs and packets in, verdicts and packets out. Pure: no system call, no clock, no global, no
 * allocation a packet. Time, seed, packets, health and interface facts are inputs, so a run can be repeated. */
#ifndef VM_VM_H
#define VM_VM_H

#include "vm/key.h"
#include "vm/pbc.h"
#include "vm/pkt.h"
#include "vm/pool.h"
#include "vm/program.h"

enum action {
#define ACTION(ident, name, doc) ACTION_##ident,
#include "vm/action.def"
#undef ACTION
    ACTION_COUNT
};
const char *action_name(enum action a);

enum cond_kind {
#define COND(ident, name, operands, doc) COND_##ident,
#include "vm/cond.def"
#undef COND
    COND_COUNT
};

enum opcode {
#define OP(ident, name, operands, ends, doc) OP_##ident,
#include "vm/opcode.def"
#undef OP
    OPCODE_COUNT
};

/* An immutable snapshot of the world, with a generation. Arrays are sorted; all stays the caller's. */
struct facts {
    uint64_t generation;
    const uint32_t *self4; /* own IPv4 addresses, host order, ascending */
    unsigned self4_count;
    const struct pbc_range6 *self6; /* own IPv6 addresses (lo = hi), ascending */
    unsigned self6_count;
    uint32_t schedules;     /* bit i: schedule i of the program is active at this time */
    const uint8_t *down; /* [program->servers_count] 1: no new flow; NULL: all are up. A change is a new generation */
    const uint64_t *up_since_ns; /* [program->servers_count] when a server that was down came up, mono; 0: before the start. For
                                    slow start; NULL: all were up before */
    uint32_t addr4;    /* this machine speaks from here (answers, outer sources, masquerade), host order; 0: none known */
    uint32_t addr6[4]; /* likewise; all 0: none */
    uint64_t mac;      /* of the interface, for ARP and neighbour answers; 0: made from the address */
    uint32_t mtu;      /* largest IP packet of the links; 0: 1500 */
    bool drop_bad_checksum; /* IPv4 header checksums: wrong is a drop (live, --strict-checksum), else counted */
};

struct vm_in {
    uint64_t mono_ns; /* never runs back; the vm takes an earlier one as the latest seen */
    const struct facts *facts;
};

#define RULE_NONE UINT32_MAX           /* no rule: malformed, passed, or no firewall */
#define RULE_DEFAULT (UINT32_MAX - 1)  /* a firewall's default, see verdict.firewall */

/* Not judged: a reply of a flow that was sent on, or an error that quotes one. */
#define VERDICT_REPLY 0x80u

struct verdict {
    uint8_t action; /* enum action */
    uint8_t reason; /* enum pkt_reason */
    uint8_t flags;  /* enum pkt_flag of what the parser noticed: SNAPPED, BAD_CSUM; and VERDICT_REPLY */
    uint8_t done;   /* 1: accepted or passed, and nothing is left to hand on: the vm has answered it, or what was inside
                       leaves through vm_tx */
    uint32_t rule;  /* id, RULE_DEFAULT or RULE_NONE */
    uint32_t firewall; /* that judged, or PBC_NONE */
    uint32_t service, server; /* PBC_NONE */
};

enum tx_kind { TX_SEND, TX_HOST, TX_FREE, TX_RESOLVE, TX_HANDOFF };
enum tx_cause { /* why a packet leaves */
    TX_CAUSE_PACKET,
    TX_CAUSE_RST,
    TX_CAUSE_UNREACHABLE,
    TX_CAUSE_TIME_EXCEEDED,
    TX_CAUSE_TOO_BIG,
    TX_CAUSE_ECHO,      /* a reply from a service's address */
    TX_CAUSE_NEIGHBOUR, /* an ARP reply or neighbour advertisement for one */
    TX_CAUSE_COOKIE, /* the answer to a SYN, or what opens the connection to the server after it */
    TX_CAUSE_INSIDE, /* TX_HOST: what was accepted inside the packet `input`, which is not the host's */
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
    uint32_t next_hop[4]; /* TX_SEND, TX_RESOLVE: as in struct key; whose MAC the executor puts into the frame */
    uint8_t family;       /* of next_hop; 0: the frame's destination MAC is final */
    struct verdict verdict; /* of a TX_CAUSE_HELD entry: the final one of a packet that vm_run called `held` */
};

/* A flow as others are told of it. */
struct flow_record {
    uint32_t src[4], dst[4]; /* of the side that opened it, and the other; as in struct key */
    uint16_t src_port, dst_port; /* ICMP queries: the identifier, 0 */
    uint8_t proto, family; /* family: 4 or 6 */
    uint8_t state;    /* enum flow_state (flow/flow.h), its last */
    uint8_t end;      /* enum flow_end; FLOW_ENDS: it goes on */
    uint16_t vlan[2]; /* VIDs, outermost first; VLAN_UNTAGGED */
    uint64_t began_ns, seen_ns, ended_ns;
    /* One that is sent on; else service, server and nat are PBC_NONE. */
    uint32_t service, server, nat;
    uint32_t to_src[4], to_dst[4]; /* what the side that opened it is seen as, and whom it reaches */
    uint16_t to_src_port, to_dst_port;
};
#define VLAN_UNTAGGED 0xffffu

enum event_kind { EVENT_LOG, EVENT_FLOW };
struct event {
    uint8_t kind; /* enum event_kind */
    uint32_t rule, input;    /* of EVENT_LOG; input INPUT_NONE: of a packet that was held */
    uint32_t entry;          /* then: index in tx->entries of that packet */
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
#define INPUT_NONE UINT32_MAX /* no packet of this call: it was held, or time went by */
#define VM_TX_PER_PACKET 10 /* an answer or what is sent on, in up to eight pieces, and one packet that was held */
#define VM_BATCH 64

struct counter { uint64_t packets, bytes; }; /* bytes: of the frame on the wire */

/* What became of the packets that asked a meter. */
struct meter_counter {
    uint64_t within, over; /* had a token, had none */
    uint64_t overflowed;   /* of both: judged by the shared bucket, for the table was full */
};

/* Flows that are sent on. Reasons say what was refused. */
struct forward_counters {
    uint64_t bound;           /* flows of services, now */
    uint64_t ports;           /* source ports that they hold */
    uint64_t replies, errors; /* packets that went back translated; ICMP errors that followed a flow */
    uint64_t exhausted;       /* new flows for which no source address or port was free */
    uint64_t resets;          /* RSTs to the sides of flows whose server went down */
    uint64_t cookies_sent, cookies_proven; /* SYNs that a cookie answered, and those that came to be connections */
    uint64_t cookies_unanswered;           /* of these, those that no server took in time */
};

/* One worker's counters; every packet is in exactly one of `verdicts`. */
struct vm_counters {
    struct counter verdicts[ACTION_COUNT];
    struct counter reasons[REASON_COUNT]; /* REASON_NONE: dropped by a rule or default */
    const struct counter *rules;          /* [program->rules_count]: packets that the rule matched */
    const struct counter *defaults;       /* [program->firewalls_count] */
    const struct meter_counter *meters;   /* [program->meters_count]; of a rule's log: events sent, left out */
    const struct counter *services;       /* [program->services_count]: packets that the service took */
    const struct counter *unserved;       /* [program->services_count]: of them, those that found no server */
    const struct counter *servers;        /* [program->servers_count]: packets of its flows that were sent on, replies too */
    uint64_t snapped, bad_checksum;       /* judged all the same */
    uint64_t linearised;                  /* copied into a slot to be judged */
    uint64_t answers, answers_limited, answers_no_buffer; /* no_buffer: no slot, or no free tx entry */
    uint64_t inside; /* packets that were taken out of others and judged; their verdicts are those packets' */
    const struct flow_counters *flows;    /* flow/table.h; NULL: the program keeps none */
    const struct forward_counters *forward; /* NULL: nothing is sent on */
    const struct nat_counters *nat;       /* bind/nat.h; NULL: there are no nats */
    const struct frag_counters *frags;    /* frag/frag.h; NULL: no fragment follows its first */
    uint64_t remembered; /* packets whose verdict was remembered for their flow */
    uint64_t stacks_full; /* accepted packets that made no flow, for there was no room for another VLAN stack */
};

struct trace_step; /* below */
typedef void trace_fn(void *arg, const struct trace_step *step);

struct vm_cfg {
    struct pool *pool; /* for answers; may be NULL: none are sent, counted as no_buffer */
    uint64_t seed;
    unsigned worker, workers; /* this one of so many: its slice of ports; 0 of 0: the only one */
    bool naive;        /* run the rule list instead of the code, for every packet: the oracle */
    bool forget;       /* remember no verdicts: what remembering is compared with */
    bool flow_events;  /* tell of each flow that ends, in vm_tx, and know when each began (else 0) */
    bool no_cookies;   /* services take SYNs as if they had no `syn cookies`: where no client would answer */
    trace_fn *follow_trace; /* told of each rule that is tried on the later fragment `traced`, which follows its first */
    void *trace_arg;
    uint64_t traced; /* its cookie */
};

struct vm;

/* A worker's state over a program (which it holds a reference to). NULL when memory is out. */
struct vm *vm_new(struct program *p, const struct vm_cfg *cfg);
void vm_free(struct vm *vm);

/* Judge n packets (any n; worked off in batches of VM_BATCH). pkts stay the caller's. verdicts[i] is of pkts[i]. */
void vm_run(struct vm *vm, const struct vm_in *in, struct pkt *const pkts[], unsigned n, struct verdict verdicts[],
            struct vm_tx *tx);

/* Timers, bounded work; returns the next deadline in mono_ns, UINT64_MAX for none. */
uint64_t vm_tick(struct vm *vm, const struct vm_in *in, struct vm_tx *tx);

const struct vm_counters *vm_counters(const struct vm *vm);

/* Release the flows whose time has passed and that nobody has met since, for who counts or lists flows: a part of the
 * table a call. *part is 0 at first; false after the last. */
bool vm_expire(struct vm *vm, const struct vm_in *in, struct vm_tx *tx, unsigned *part);

/* The flows that go on, one by one: *at is 0 at first; false at the end. */
bool vm_flow_next(const struct vm *vm, uint32_t *at, struct flow_record *f);

/* The same judgement on an already parsed packet, by one executor or the other; nothing is counted or sent. What tests
 * and explain compare. */
struct decision { uint32_t rule; uint32_t firewall; uint8_t action; };
struct decision program_decide(const struct program *p, const struct key *key, const struct pkt *pkt);
struct decision program_decide_naive(const struct program *p, const struct key *key, const struct pkt *pkt);

/* What a `decap` rule would find inside a packet that it decided: a copy in a slot of the pool, the caller's to put back,
 * and its key; parsed, and malformed where inner->reason says so. Else *inner is NULL and the reason is why it would be
 * dropped; REASON_TUNNEL_SOURCE leaves both. */
enum pkt_reason program_open(const struct program *p, uint32_t rule, const struct pkt *pkt, const struct key *key,
                             const struct facts *facts, struct pool *pool, struct pkt **inner, struct key *inner_key);

/* What only the program knows of a parsed packet: where own addresses are known, traffic that would cross the machine
 * but is for a service counts as `in`. vm_run does it; so must whoever parses for the functions above. */
void key_settle(const struct program *p, struct key *key);
/* What `state` says of it now, written into key->marks; nothing changes. The decisions, explanations and conditions below
 * read it there. */
void vm_state(struct vm *vm, const struct vm_in *in, struct key *key, const struct pkt *pkt);
/* The flow that it belongs to now, or that it quotes, being an ICMP error; false: none. When a flow began is known with
 * cfg.flow_events. */
bool vm_flow_of(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt,
                struct flow_record *f);

/* Is it a reply of a flow that is sent on, or an error that quotes what was? Such a packet is not judged. */
bool vm_follows(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt);

/* The branch of a service (index in BRANCHES) that takes an accepted packet, by the code and by the list; PBC_NONE. */
uint32_t program_serve(const struct program *p, const struct key *key, const struct pkt *pkt);
uint32_t program_serve_naive(const struct program *p, const struct key *key, const struct pkt *pkt);

/* What a service would do with an accepted packet now, and why, in words; nothing changes. */
struct served {
    uint32_t branch, pool; /* PBC_NONE: no service; no pool */
    char how[200];         /* "hash 0x5ba1c0de12345678, slot 40213 of 65537 -> b (weight 3 of 9, up)" */
};
struct served vm_explain_service(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt);

/* One condition of the rule list on one packet. */
bool cond_match(const struct program *p, const struct pbc_cond *c, const struct key *key, const struct pkt *pkt);

/* Every rule tried, in order, with the first condition that failed: called once a rule. depth: nested chains. */
struct trace_step {
    uint32_t rule;
    bool matched;
    uint32_t failed_cond; /* index into CONDS, PBC_NONE when matched */
    unsigned depth;
    uint64_t tokens; /* where a meter failed it: packets or bytes that it has left for the packet's key; where `flows
                        over` did: flows that the source holds */
};
struct decision program_explain(const struct program *p, const struct key *key, const struct pkt *pkt, trace_fn *fn,
                                void *arg);

/* The same as the worker would judge the packet now: meters and flows are looked at, but nothing is taken or
 * changed. program_explain, and the decisions above, take every meter for unused and know no flows. */
struct decision vm_explain(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt,
                           trace_fn *fn, void *arg);

/* Why that condition failed, as an operator would say it ("source is not in abusers", "not icmp6"). */
void cond_explain(const struct program *p, const struct pbc_cond *c, const struct key *key, const struct pkt *pkt,
                  char *buf, size_t len);
/* The same of a step that did not match, with what its meter had left ("syns has 187 tokens for 198.18.0.1"). */
void step_explain(const struct program *p, const struct trace_step *step, const struct key *key, const struct pkt *pkt,
                  char *buf, size_t len);

/* "tcp 198.18.0.1:50000 > 203.0.113.10:443 SYN": the packet in one line. */
void pkt_describe(const struct pkt *pkt, const struct key *key, char *buf, size_t len);

/* Does the set hold the address of that side? Only for IP packets. */
bool set_has(const struct program *p, uint32_t set, const struct key *key, bool dst);
/* The same without look-up tables: what the rule list judges by. */
bool set_has_plain(const struct program *p, uint32_t set, const struct key *key, bool dst);

#endif
