/* Walk a region of frames through a program's firewalls. The walk goes down the rule list in file order, and into a
 * chain at each `do`. Every part is reported with the rule that decides it. Exact, or marked as uncertain. */
#pragma once

#include "compiler/normal/region.h"
#include "vm/vm.h"

/* A part of the region, and the rule that decides it. Uncertain parts name a condition that is not a set of values
 * (meters, flows, byte patterns, …). */
struct judged {
    struct ir_product product;
    uint32_t firewall; /* firewall that judges it; PBC_NONE: none */
    uint32_t rule;     /* rule that decides; RULE_DEFAULT; RULE_NONE: no firewall, or no judgement */
    uint8_t action;    /* enum action: ACCEPT, DROP, REJECT, PASS; a rule that opens tunnels is DROP, as in the vm */
    bool maybe;        /* the rule decides only a part of the product; the rest is reported later */
    uint32_t asks; /* maybe: the rule's condition that is not a set of values (index in image->conds), or PBC_NONE */
    bool behind_maybe; /* an earlier rule may have decided a part of the product */
    uint32_t before; /* behind_maybe: the last condition of an earlier rule that is not a set of values, or PBC_NONE */
};
/* Called for each part; returns false to end the walk. */
typedef bool judged_fn(void *arg, const struct judged *j);

/* Assumptions about facts that products do not express. The packet's source is assumed to have no other flow */
enum given_meter { GIVEN_OPEN, GIVEN_WITHIN, GIVEN_OVER };
struct given {
    const uint8_t *meters; /* enum given_meter, by meter of the image */
    uint32_t schedules;    /* bit i: schedule i is active */
};

/* Walk frames of `q` that travel in `direction` (PBC_DIR_IN, OUT or FORWARD). Frames that are not IP or ARP have no
 * addresses, and may be for this machine or forwarded. Parts are reported in the order of the rules that decide
 * them. Returns true if all of q was reported or fn ended the walk; false if the budget was spent before. */
bool walk_region(struct compile *c, const struct ir_product *q, enum pbc_direction direction, const struct given *given,
                 struct region_budget *budget, judged_fn *fn, void *arg);
