/* The state of packets while a worker judges them: the worker (struct vm), its batch (struct job), one packet. */
#pragma once

#include "vm/flow/leave.h"
#include "vm/judge/effects.h"
#include "vm/judge/remember.h"
#include "vm/packet/pkt.h"
#include "vm/vm.h"

/* One packet of the batch, and what is known of it so far. Each stage takes the job and this struct, and fills in
 * its part. In the kernel the struct is in a per-CPU slot, beside the key. */
struct packet_ctx {
    struct pkt *pkt;
    struct key *key;   /* the keys of a batch are in one array */
    struct verdict *v; /* the packet's verdict; the caller's memory */
    unsigned at;       /* index in the batch */
    bool gone;         /* the packet was rewritten in place and sent: its slot no longer belongs to the caller */
    bool ordinary;     /* may take the express way (forward/express.c), by `recipe`, of kind seen.recipe */
    const struct recipe *recipe;
    bool routed;            /* the host has routed it, and sends it by pkt->iface: its hop and next hop are settled */
    bool made;              /* made here in place of the packet that came: leaves unchanged */
    decided decision;       /* decision of the rules */
    decided would;          /* decision without the word `audit`; audited: it differs from the real one */
    bool audited, began;    /* began: this is the first packet of its flow that audit would change */
    struct track_seen seen; /* state found in the flow table */
    struct leave left;      /* interface, next hop and way by which the packet leaves */
    /* The packet on its way out. */
    const struct translation *quoted; /* an ICMP error: what the packet that it quotes becomes; else NULL */
    const uint32_t *from;  /* with `quoted`: source address for the look-up in routes, that of the flow's own packets */
    const uint32_t *via;   /* with `quoted`: the gateway of the flow's own packets; NULL: routes give the next hop */
    struct splice *splice; /* a segment of a joined flow: its splice (forward/cookie/joint.h); else NULL */
    uint32_t clock_ms;     /* a segment of a joined flow: the time in ms */
    uint32_t datagram;     /* IP identification for a packet that is cut, if the vm chooses it */
    const struct proven *proven; /* a repeat of a client's SYN that a cookie answered; else NULL */
};

static inline void ctx_begin(struct packet_ctx *c, unsigned at, struct pkt *pkt, struct key *key, struct verdict *v)
{
    c->pkt = pkt;
    c->key = key;
    c->v = v;
    c->at = at;
    c->made = c->gone = c->ordinary = c->audited = c->routed = false;
    c->proven = NULL;
}

struct vm {
    struct program *program;
    struct vm_cfg cfg;
    uint64_t now_ns;         /* latest time seen */
    struct limit answers;    /* errors and resets, limited by `rejects` */
    struct limit echoes;     /* echo replies from services' addresses */
    struct limit neighbours; /* ARP replies and neighbour advertisements for services' addresses */
    struct meters *meters;
    uint64_t packets; /* packets judged before the current batch */
    struct vm_counters counters;
    struct counter refused;    /* packets dropped without being judged */
    struct key keys[VM_BATCH]; /* keys of the current batch */
    decided decisions[VM_BATCH];
    decided woulds[VM_BATCH];             /* decisions without the word `audit` */
    struct packet_ctx ctxs[VM_BATCH];     /* contexts of the current batch */
    struct straight_look looks[VM_BATCH]; /* look-ups of the current batch for forward_straight */
    struct balance *balance;
    struct counter *served; /* counters per service, unserved service, and server; `counters` points here */
    struct counter *rules;  /* one per rule, one for "nobody", one per firewall's default: `counters` points into it */
    struct track *track;    /* NULL: the program keeps no flows */
    struct remember *remember;   /* NULL: no verdict may be remembered */
    struct audit *audit;         /* NULL: the program has no `audit` (worker/audit.h) */
    struct fragments *fragments; /* NULL: fragments do not follow their first */
    struct forward *forward;     /* NULL: there are neither services nor translation */
    struct inlines *inlines;     /* connections of `mode proxy inline`; NULL: a replay, or the program has none */
    struct observers *observers; /* observers of connections; NULL: the program observes none */
    struct vips *vips;           /* NULL: the program has neither services nor nats */
    const struct vm_up *ups;     /* results of the packets of this call that came up from the kernel; NULL: none did */
    struct flow_met *mets;       /* findings of those packets in the flow table; NULL: not recorded */
    uint32_t ways;               /* questions of the program about routes: its PBC_ASKS_ROUTES */
    bool takes_answers;          /* some live set takes members from DNS answers */
    bool opens;                  /* some rule's verdict opens a tunnel */
    bool in_turn;                /* packets are judged one by one: for state, tunnels, or the kernel's judge */
    bool in_order;               /* a log or a meter shows the order in which packets were judged */
    uint64_t mirrored[VM_BATCH]; /* mirrors that matched a packet of the current batch, one bit each */
    uint16_t epoch;              /* epoch of verdicts that earlier programs remembered */
    struct adds_due due;         /* members that rules add for the packet at hand */
};

/* One batch's way through vm_run */
struct job {
    struct vm *vm;
    const struct vm_in *in;
    struct vm_tx *tx;
    uint32_t input;       /* index in vm_run's pkts of the batch's first packet */
    unsigned batch;       /* packets of the batch, whose keys are vm->keys; 0: outside of a batch */
    uint32_t outer_bytes; /* length of the outer headers, while a packet inside a tunnel is judged; 0: none */
};

/* Return what the kernel reports of a packet that came up from it; NULL: the packet did not come up, or is the inner
 * one of such a packet. */
static inline const struct vm_up *vm_came_up(const struct job *j, const struct packet_ctx *c)
{
    const bool came = j->vm->ups && !j->outer_bytes && j->input != INPUT_NONE;
    return came ? &j->vm->ups[j->input + c->at] : NULL;
}

/* Return the effects of judging one packet of the batch: its counters, logs, meters and state. */
static inline struct effects effects_of(const struct job *j, struct packet_ctx *c)
{
    const struct vm *vm = j->vm;
    return (struct effects){.rules = vm->rules,
                            .tx = j->tx,
                            .input = j->input + c->at,
                            .meters = vm->meters,
                            .packet = vm->packets + c->at,
                            .copies = vm->cfg.copies,
                            .mirrored = vm->program->mirrors_count ? j->vm->mirrored + c->at : NULL,
                            .due = vm->program->adds_count ? &j->vm->due : NULL,
                            .track = vm->track,
                            .seen = &c->seen};
}

static inline void counter_add(struct counter *c, uint32_t bytes)
{
    c->packets++;
    c->bytes += bytes;
}

static inline void counter_take(struct counter *c, uint32_t bytes)
{
    c->packets--;
    c->bytes -= bytes;
}

/* Count a packet that is dropped without being judged, besides its verdict. */
static inline void count_refused(struct vm *vm, enum pkt_reason reason, uint32_t bytes)
{
    counter_add(&vm->counters.reasons[reason], bytes);
    counter_add(&vm->refused, bytes);
}

/* Return the counter of the deciding rule, "nobody" or default. All are in one row, so that no branch depends on the
 * decider, which changes from packet to packet. */
static inline struct counter *decider(const struct vm *vm, decided d)
{
    const uint32_t rule = decided_rule(d), after = vm->program->rules_count + decided_firewall(d) + 1;
    const uint32_t is_rule = -(uint32_t)(rule < RULE_DEFAULT);
    return &vm->rules[(rule & is_rule) | (after & ~is_rule)];
}

/* Give a verdict without judgement, and count it. */
void refuse(struct vm *vm, const struct packet_ctx *c, enum action action, enum pkt_reason reason);

/* Turn the drop or reject of a firewall's default into `pass` for STP and LLDP across a bridge, unless `other
 * frames` differs. */
void settle_spare(struct vm *vm, const struct packet_ctx *c, const struct facts *facts);

/* True if the default of that firewall would let the frame pass anyway. */
bool settle_spares(const struct program *p, const struct facts *facts, const struct pkt *pkt, const struct key *key,
                   uint32_t firewall);

/* Do the rare parts of settle: count truncated or damaged frames; send the reply of a reject */
void settle_noticed(struct vm *vm, unsigned flags);
void settle_answer(const struct job *j, const struct packet_ctx *c);

/* True if a reply of this kind may leave. Takes a token; otherwise counts the reply as limited, or as without room. */
bool answer_begin(const struct job *j, struct limit *kind);
/* Send the reply that answer_begin allowed. NULL (the pool had no slot) only counts answers_no_buffer. */
void answer_leave(const struct job *j, const struct packet_ctx *c, struct pkt *out, enum tx_cause cause);

/* True if j->tx has room for an entry */
static inline bool tx_has_room(const struct job *j) { return j->tx->count < j->tx->cap; }
/* Add an entry to j->tx, which has room for it, for a packet that leaves because of this one. Return the entry. */
struct tx_entry *tx_add(const struct job *j, const struct packet_ctx *c, struct pkt *pkt, enum tx_kind kind,
                        enum tx_cause cause);

/* Finish a verdict that lacks only its flags: count it for rule, reason, service and server; send the reply of a
 * reject. */
void settle_whole(const struct job *j, const struct packet_ctx *c);

/* Turn the decision into the verdict, and count it. */
static inline void settle_counted(struct vm *vm, const struct pkt *pkt, decided d, struct verdict *v)
{
    const unsigned flags = pkt->flags & (PKT_SNAPPED | PKT_BAD_CSUM);
    const uint32_t bytes = pkt->wire_len;
    *v = (struct verdict){.action = (uint8_t)decided_action(d),
                          .flags = (uint8_t)flags,
                          .rule = decided_rule(d),
                          .firewall = decided_firewall(d),
                          .service = PBC_NONE,
                          .server = PBC_NONE};
    counter_add(&vm->counters.verdicts[decided_action(d)], bytes);
    counter_add(decider(vm, d), bytes);
    if (__builtin_expect(flags, 0)) settle_noticed(vm, flags);
}

/* The same as settle_counted, and send the reply of a reject */
static inline void settle(const struct job *j, const struct packet_ctx *c)
{
    settle_counted(j->vm, c->pkt, c->decision, c->v);
    if (c->v->action == ACTION_REJECT) settle_answer(j, c);
}

/* Compute the drops by rules and defaults: all drops less the refused packets. This saves a counter per packet. */
static inline void count_judged_drops(struct vm *vm)
{
    const struct counter *drops = &vm->counters.verdicts[ACTION_DROP], *refused = &vm->refused;
    vm->counters.reasons[REASON_NONE] =
        (struct counter){drops->packets - refused->packets, drops->bytes - refused->bytes};
}

/* Write the results of the program's questions about routes into the key, before the rules; count packets whose way
 * is unknown. */
static inline void vm_settle_ways(const struct job *j, const struct key *key, struct pkt *pkt)
{
    j->vm->counters.ways_unknown += !ways_settle(j->vm->program, j->in->facts, key, pkt);
}

/* Take one parsed packet (whole, fragment or malformed) all the way to its verdict. */
void judge_single(const struct job *j, struct packet_ctx *c);
