/* What a packet meets on its way: the worker, its batch, and what is known of the packet so far. */
#pragma once

#include "vm/flow/leave.h"
#include "vm/judge/judge.h"
#include "vm/judge/remember.h"
#include "vm/packet/pkt.h"
#include "vm/vm.h"

/* One packet of the batch, and what is known of it so far. A stage takes the worker's job and this struct, and fills in
 * its part. In a kernel it lies in a per-CPU slot, with the key. */
struct packet_ctx {
    struct pkt *pkt;
    struct key *key;   /* those of a batch stand in a row */
    struct verdict *v; /* what became of it: the caller's */
    unsigned at;       /* its place in the batch */
    bool gone;         /* it left itself, rewritten where it lay: it is nobody's here any more */
    bool ordinary;     /* it may take the short way (forward/short.c), by this recipe, of kind seen.recipe */
    const struct recipe *recipe;
    bool made;              /* we made it in the place of the one that came: it leaves as it is */
    decided decision;       /* of the rules */
    struct track_seen seen; /* what the flow table said */
    struct leave left;      /* how it leaves */
    /* On its way out. */
    const struct translation *quoted; /* an ICMP error: what the packet that it quotes becomes; else NULL */
    struct splice *splice;       /* of a joined flow (forward/cookie/joint.h), which its segments pass; else NULL */
    uint32_t clock_ms;           /* likewise */
    uint32_t datagram;           /* identification of what is cut, where it is ours to say */
    const struct proven *proven; /* a SYN that repeats the client's, which a cookie answered; else NULL */
};

static inline void ctx_begin(struct packet_ctx *c, unsigned at, struct pkt *pkt, struct key *key, struct verdict *v)
{
    c->pkt = pkt;
    c->key = key;
    c->v = v;
    c->at = at;
    c->made = c->gone = c->ordinary = false;
    c->proven = NULL;
}

struct vm {
    struct program *program;
    struct vm_cfg cfg;
    uint64_t now_ns;         /* latest seen */
    struct limit answers;    /* errors and resets: `rejects` */
    struct limit echoes;     /* replies from services' addresses */
    struct limit neighbours; /* ARP replies and advertisements for them */
    struct meters *meters;
    uint64_t packets; /* judged before the batch at hand */
    struct vm_counters counters;
    struct counter refused;    /* dropped without being judged */
    struct key keys[VM_BATCH]; /* of the batch that is being judged */
    decided decisions[VM_BATCH];
    struct packet_ctx ctxs[VM_BATCH]; /* likewise */
    struct balance *balance;
    struct counter *served; /* one a service, one a service without a server, one a server: counters points into it */
    struct counter *rules;  /* one a rule, one for "nobody", one a firewall's default: counters points into it */
    struct track *track;    /* NULL: the program keeps no flows */
    struct remember *remember;   /* NULL: no verdict may be remembered */
    struct fragments *fragments; /* NULL: no fragment follows its first */
    struct forward *forward;     /* NULL: there are neither services nor translation */
    struct vips *vips;           /* NULL: there are no services and nats */
    const struct vm_up *ups;     /* of the packets of this call that came up from the kernel; NULL: none did */
    struct flow_met *mets;       /* likewise: what each meets in the flow table; NULL: nobody asks */
    uint32_t ways;               /* what the program asks of routes: its PBC_ASKS_ROUTES */
    bool opens;                  /* some rule's verdict opens a tunnel */
    bool in_turn;                /* packets are judged one by one: for state, tunnels, or the kernel's judge */
    bool in_order;               /* a log or a meter shows in which order packets were judged */
    uint16_t epoch;              /* of verdicts that programs before this one remembered */
};

/* One batch's way through vm_run. */
struct job {
    struct vm *vm;
    const struct vm_in *in;
    struct vm_tx *tx;
    uint32_t input;       /* index in vm_run's pkts of the batch's first */
    uint32_t outer_bytes; /* what was inside a packet is being judged: bytes of the headers around it; 0: none were */
};

/* What judging one packet of the batch counts, logs and asks of state. */
static inline struct effects effects_of(const struct job *j, struct packet_ctx *c)
{
    const struct vm *vm = j->vm;
    return (struct effects){.rules = vm->rules,
                            .tx = j->tx,
                            .input = j->input + c->at,
                            .meters = vm->meters,
                            .packet = vm->packets + c->at,
                            .track = vm->track,
                            .seen = &c->seen};
}

static inline void add(struct counter *c, uint32_t bytes)
{
    c->packets++;
    c->bytes += bytes;
}

/* Rules, "nobody" and the firewalls' defaults count in one row, so that no branch has to tell them apart: which it is
 * changes from packet to packet. */
static inline struct counter *decider(const struct vm *vm, decided d)
{
    const uint32_t rule = decided_rule(d), after = vm->program->rules_count + decided_firewall(d) + 1;
    const uint32_t is_rule = -(uint32_t)(rule < RULE_DEFAULT);
    return &vm->rules[(rule & is_rule) | (after & ~is_rule)];
}

/* A verdict without a judgement. */
void refuse(struct vm *vm, const struct packet_ctx *c, enum action action, enum pkt_reason reason);

/* Across a bridge a firewall's default does not cover STP and LLDP, where `other frames` says nothing of them: then
 * they pass. */
void settle_spare(struct vm *vm, const struct packet_ctx *c, const struct facts *facts);

/* The rare halves of settle: count frames that were cut or damaged; answer a reject. */
void settle_noticed(struct vm *vm, unsigned flags);
void settle_answer(const struct job *j, const struct packet_ctx *c);

/* May an answer of this kind leave? Takes a token; counts it as limited, or where there is no room for it. */
bool answer_begin(const struct job *j, struct limit *kind);
/* Send the answer that answer_begin allowed. NULL, the pool had no slot, only counts answers_no_buffer. */
void answer_leave(const struct job *j, const struct packet_ctx *c, struct pkt *out, enum tx_cause cause);

/* Finish a verdict that lacks its flags alone: count it for its rule, reason, service and server; answer a reject. */
void settle_whole(const struct job *j, const struct packet_ctx *c);

/* What was decided becomes the verdict and is counted. */
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
    add(&vm->counters.verdicts[decided_action(d)], bytes);
    add(decider(vm, d), bytes);
    if (__builtin_expect(flags, 0)) settle_noticed(vm, flags);
}

/* The same, and a reject is answered. */
static inline void settle(const struct job *j, const struct packet_ctx *c)
{
    settle_counted(j->vm, c->pkt, c->decision, c->v);
    if (c->v->action == ACTION_REJECT) settle_answer(j, c);
}

/* A drop that was judged has no reason of its own: they are what is left. So no packet pays for telling them apart. */
static inline void count_judged_drops(struct vm *vm)
{
    const struct counter *drops = &vm->counters.verdicts[ACTION_DROP], *refused = &vm->refused;
    vm->counters.reasons[REASON_NONE] =
        (struct counter){drops->packets - refused->packets, drops->bytes - refused->bytes};
}

/* Before the rules: what the program asks of routes; counts what is not known. */
static inline void vm_settle_ways(const struct job *j, const struct key *key, struct pkt *pkt)
{
    j->vm->counters.ways_unknown += !ways_settle(j->vm->ways, j->in->facts, key, pkt);
}

/* The whole way of one parsed packet in one piece, a fragment, malformed or neither, to its verdict. */
void judge_single(const struct job *j, struct packet_ctx *c);
