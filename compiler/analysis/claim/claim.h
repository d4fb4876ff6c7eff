/* `never VERDICT …: CLAIM`, `always VERDICT …: CLAIM`: what is said of every packet of a kind, and what was found. */
#pragma once

#include "compiler/analysis/sample/sample.h"
#include "compiler/analysis/times.h"
#include "compiler/analysis/walk.h"
#include "compiler/normal/region.h"

struct addr_set;

/* An address list: own ranges, and named sets that stay where they are. */
struct claim_side {
    struct ir_addrs own;
    const struct addr_set **sets;
    uint32_t set_count;
    bool any, self, negated;
};

struct claim {
    struct span span;
    const char *test; /* its name */
    bool always;
    uint8_t action; /* enum action: ACCEPT, DROP or REJECT */
    uint32_t pool;  /* the claim is that no packet is let in and sent there; PBC_NONE: it is about verdicts, or: */
    bool reaches;   /* that none is let in and goes to `target`, whatever services and translation make of it */
    struct claim_side target;
    uint32_t target_conds, target_cond_count; /* in c->claims: its ports */
    struct claim *beyond; /* `never accept`: the same of what leads there by a nat; NULL: not asked */
    bool states_written;
    bool told;       /* it was said already that there is no such packet */
    unsigned states; /* bit i: value i of IR_STATE */
    uint32_t *over;  /* meters that are exceeded */
    uint32_t over_count;
    bool arrives; /* it says where the packet came in: what this machine sends is not meant */
    bool leaves;  /* it says where the packet leaves: the condition behind those. What comes in is not meant */
    uint32_t conds, cond_count; /* in c->claims: protocols, ports and interfaces */
    struct claim_side from, to;
    const struct facts *own; /* this machine's addresses; NULL: it may have any */
};

/* What the claims of a rule file share. c and program: set by the caller; the rest is theirs. */
struct claims {
    struct compile *c;
    struct program *program; /* the finished one */
    struct times *times;     /* NULL: not asked for yet */
    bool too_many_times;
    struct claim_set *sets;
    uint64_t work; /* that they have cost so far */
};
/* Is it so of every packet that it speaks of? False after a report. */
bool claim_holds(struct claims *all, const struct claim *claim);

/* The set's ranges as the normal form holds them, in the arena; and the packets that the claim speaks of, added to
 * `out` (region.c). */
struct ir_addrs claim_ranges(struct compile *c, const struct addr_set *s);
void claim_region(struct claims *all, const struct claim *claim, struct region_budget *budget, struct region *out);

/* All packets that the endpoint may take: not only those that open a connection (reach.c). */
struct ir_product claim_taken_by(struct compile *c, const struct pbc_endpoint *e);
/* What of the piece, which is let in, services may send to the pool; added to `out` (reach.c). */
void claim_reaches(struct compile *c, const struct ir_product *piece, uint32_t pool, struct region_budget *budget,
                   struct region *out);
/* Of the branches of a proxy service that lead to the pool, for a client who says what they ask for: the one whose turn
 * it is. PBC_NONE: there is none whose other conditions hold. */
uint32_t stream_branch_to(const struct program *p, uint32_t service, const struct key *key, uint32_t pool,
                          uint32_t turn);

/* The branch by which the program sends the packet there, if its client says what leads there; PBC_NONE: it does not.
 */
uint32_t claim_sent(const struct program *p, const struct frame_spec *packet, const struct facts *own,
                    uint32_t schedules, uint32_t pool);

/* What `never reach` is about, in the normal form: addresses and ports (region.c). */
struct claim_target {
    uint32_t addrs, ports;
};
struct claim_target claim_target(struct claims *all, const struct claim *claim);

/* What of the piece, which is let in, may go there; added to `out` (goes.c). Never too small. */
void claim_goes(struct claims *all, const struct ir_product *piece, const struct claim_target *to,
                enum pbc_direction direction, struct region_budget *budget, struct region *out);

/* By what the program sends the packet there. */
struct claim_gone {
    uint32_t branch, nat; /* of a service; a statement: PBC_NONE: as it is written in the packet */
};
bool claim_gone(struct claims *all, const struct frame_spec *packet, const struct facts *own, uint32_t schedules,
                const struct claim_target *to, struct claim_gone *by);

enum claim_outcome {
    CLAIM_PROVED,
    CLAIM_EMPTY,   /* there is no such packet */
    CLAIM_REFUTED, /* by `packet`, which the vm judges otherwise */
    CLAIM_UNKNOWN, /* `part` may be judged otherwise, by what no list of values says */
    CLAIM_SPENT,   /* too much to compute */
    CLAIM_FAULT,   /* `packet` should be judged otherwise, and the vm does not: the compiler is wrong */
};

/* How a packet that refutes was confirmed. */
enum claim_proof {
    PROOF_JUDGED,  /* the vm judged it, in a fresh state */
    PROOF_DECIDED, /* by the program, with `state` taken for granted */
    PROOF_WALKED,  /* by the walk alone: a meter would have to be exceeded first */
};

struct claim_found {
    enum claim_outcome outcome;
    struct judged part;
    enum pbc_direction direction;
    uint32_t schedules;
    bool made; /* a packet of the part could be built: */
    struct frame_spec packet;
    const struct facts *own;
    enum claim_proof proof;
    struct verdict verdict; /* as the vm says it */
    uint32_t state;
    uint32_t before;        /* packets like it that came before, to exceed a meter */
    uint32_t branch;        /* that sends it to the claim's pool */
    struct claim_gone gone; /* how it reaches the claim's target */
};

/* Rules and defaults that break a refuted claim besides the first that was found, a packet of each. */
enum { CLAIM_OTHERS = 8 };
struct claim_others {
    struct claim_found of[CLAIM_OTHERS];
    uint32_t count, left_out; /* left_out: more, that break it likewise */
    bool unfinished;          /* there may be more: looking for them took too much */
};

/* Say what was found, unless it was proved (report.c). */
void claim_report(struct claims *all, const struct claim *claim, const struct claim_found *f,
                  const struct claim_others *others);
/* Warn that a nat leads a packet to where a claim that holds lets none go (report.c). */
void claim_report_led(struct claims *all, const struct claim *beyond, const struct claim_found *f);
