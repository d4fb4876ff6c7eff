/* Claims of tests (`never VERDICT …: CLAIM` and `always VERDICT …: CLAIM`), which are statements about every packet
 * of a kind, and findings about them */
#pragma once

#include "compiler/analysis/rule_walk.h"
#include "compiler/analysis/sample/sample.h"
#include "compiler/analysis/times.h"
#include "compiler/normal/region.h"

struct addr_set;

/* An address list: its own ranges, and named sets by reference */
struct claim_side {
    struct ir_addrs own;
    const struct addr_set **sets;
    uint32_t set_count;
    bool any, self, negated;
};

struct claim {
    struct span span;
    const char *test; /* name of the test */
    bool always;
    uint8_t action; /* enum action: ACCEPT, DROP or REJECT */
    uint32_t pool;  /* claim that no packet is let in and sent to this pool; PBC_NONE: no claim about a pool */
    bool reaches;   /* claim that no packet is let in and goes to `target`, after services and translation */
    struct claim_side target;
    uint32_t target_conds, target_cond_count; /* ports of `target`, in c->claims */
    struct claim *beyond; /* for `never accept`: the claim that such packets never reach its destinations; NULL: none */
    bool states_written;
    bool told;       /* true if a warning reported that no packet of the claim exists */
    unsigned states; /* bit i: value i of IR_STATE */
    uint32_t *over;  /* meters that are exceeded */
    uint32_t over_count;
    bool arrives;               /* the claim has `on`: it is not about packets that this machine sends */
    bool leaves;                /* the claim has `out on` (behind `conds`): it is not about packets that come in */
    uint32_t conds, cond_count; /* protocols, ports and interfaces, in c->claims */
    struct claim_side from, to;
    const struct facts *own; /* this machine's addresses; NULL: any addresses */
};

/* State shared by the claims of a rule file. The caller sets c and program. */
struct claims {
    struct compile *c;
    struct program *program; /* the finished program */
    struct times *times;     /* moments of the schedules; NULL: not computed yet */
    bool too_many_times;
    struct claim_set *sets;
    uint64_t work; /* work spent by claims so far */
};
/* True if the claim holds for all of its packets; false after a report. */
bool claim_holds(struct claims *all, const struct claim *claim);

/* Return the set's ranges in normal form, in the arena. Add the claim's packets to `out` (both: region.c). */
struct ir_addrs claim_ranges(struct compile *c, const struct addr_set *s);
void claim_region(struct claims *all, const struct claim *claim, struct region_budget *budget, struct region *out);

/* Return all packets that the endpoint may take, not only those that open a connection (reach.c). */
struct ir_product claim_taken_by(struct compile *c, const struct pbc_endpoint *e);
/* Add to `out` the packets of a product that services may send to the pool. The product is let in (reach.c). */
void claim_reaches(struct compile *c, const struct ir_product *product, uint32_t pool, struct region_budget *budget,
                   struct region *out);
/* Return a branch of a proxy service that leads to the pool, if the client's first bytes are what the branch asks
 * for. `turn` selects among several such branches. PBC_NONE: the other conditions of all these branches fail. pool
 * PBC_ORIGINAL: a branch to the client's original destination. */
uint32_t stream_branch_to(const struct program *p, uint32_t service, const struct key *key, uint32_t pool,
                          uint32_t turn);

/* Return the branch by which the program sends the packet to the pool, if the client's first bytes are what the branch
 * asks for; PBC_NONE: none. */
uint32_t claim_sent(struct program *p, const struct frame_spec *packet, const struct facts *own, uint32_t schedules,
                    uint32_t pool);

/* Addresses and ports of `never reach`, in the normal form (region.c) */
struct claim_target {
    uint32_t addrs, ports;
};
struct claim_target claim_target(struct claims *all, const struct claim *claim);

/* Add to `out` the packets of the product, which is let in, that may go to the target (goes.c): possibly too many,
 * never too few. */
void claim_goes(struct claims *all, const struct ir_product *product, const struct claim_target *to,
                enum pbc_direction direction, struct region_budget *budget, struct region *out);

/* Branch or statement by which the program sends the packet to the target */
struct claim_gone {
    uint32_t branch, nat; /* branch of a service; statement of a nat; both PBC_NONE: sent as addressed */
};
bool claim_gone(struct claims *all, const struct frame_spec *packet, const struct facts *own, uint32_t schedules,
                const struct claim_target *to, struct claim_gone *by);

enum claim_outcome {
    CLAIM_PROVED,
    CLAIM_EMPTY,   /* no such packet exists */
    CLAIM_REFUTED, /* the vm judges `packet` differently */
    CLAIM_UNKNOWN, /* `part` may be judged differently, because it meets a condition that is not a list of values */
    CLAIM_SPENT,   /* too much to compute */
    CLAIM_FAULT,   /* compiler fault: `packet` should be judged differently, but the vm does not do so */
};

/* Confirmation of a packet that refutes the claim */
enum claim_proof {
    PROOF_JUDGED,  /* the vm judged it, in a fresh state */
    PROOF_DECIDED, /* the program decided it, with its `state` assumed */
    PROOF_WALKED,  /* only the walk decided it, because a meter would have to be exceeded first */
};

struct claim_found {
    enum claim_outcome outcome;
    struct judged part;
    enum pbc_direction direction;
    uint32_t schedules;
    bool made; /* true if a packet of the part could be built; the members below describe it */
    struct frame_spec packet;
    const struct facts *own;
    enum claim_proof proof;
    struct verdict verdict; /* verdict of the vm */
    uint32_t state;
    uint32_t before;        /* number of equal packets sent before it, to exceed a meter */
    uint32_t branch;        /* branch that sends it to the claim's pool */
    struct claim_gone gone; /* way to the claim's target */
};

/* Rules and defaults that break a refuted claim, besides the first one found, with a packet for each */
enum { CLAIM_OTHERS = 8 };
struct claim_others {
    struct claim_found of[CLAIM_OTHERS];
    uint32_t count, left_out; /* left_out: number of findings beyond those kept */
    bool unfinished;          /* the search exceeded its budget, so more may exist */
};

/* Report a finding, unless the claim was proved (claim_report.c). */
void claim_report(struct claims *all, const struct claim *claim, const struct claim_found *f,
                  const struct claim_others *others);
/* Warn of a packet that a nat leads to an address, although a proved claim states that none gets there
 * (claim_report.c). */
void claim_report_led(struct claims *all, const struct claim *beyond, const struct claim_found *f);
