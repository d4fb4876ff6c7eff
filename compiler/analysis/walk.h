/* What becomes of a region of frames in a program's firewalls: the region goes down the rule list in file order, chains
 * entered at each `do`, and every part of it is told with the rule that decides it. Exact, or it says that it is not.
 */
#pragma once

#include "compiler/normal/region.h"
#include "vm/vm.h"

/* Why a part may be either: the rule whose conditions no set of values says (meters, flows, byte patterns, …), or
 * PBC_NONE. */
struct judged {
    struct ir_product piece;
    uint32_t firewall; /* PBC_NONE: no firewall judges it */
    uint32_t rule;     /* that decides; RULE_DEFAULT, or RULE_NONE where no firewall or nothing judges it */
    uint8_t action;    /* enum action: ACCEPT, DROP, REJECT, PASS; what opens a tunnel is DROP, as the vm says */
    bool maybe; /* the rule decides some of the piece, by what is not said in it; the rest goes on and is told later */
    uint32_t asks;     /* maybe: the condition that can't be said (index in image->conds), PBC_NONE */
    bool behind_maybe; /* some rule before may have decided parts of the piece: */
    uint32_t before;   /* behind_maybe: the last condition of such a rule that can't be said, PBC_NONE */
};
/* Return false to end the walk. */
typedef bool judged_fn(void *arg, const struct judged *j);

/* What is taken for granted of what no product says; the source of a packet holds no other flow. */
enum given_meter { GIVEN_OPEN, GIVEN_WITHIN, GIVEN_OVER };
struct given {
    const uint8_t *meters; /* [image->meters_count] enum given_meter */
    uint32_t schedules;    /* bit i: schedule i is active */
};

/* Frames of `q` that travel in `direction` (PBC_DIR_IN, OUT or FORWARD); frames that are not IP or ARP have no
 * addresses, and may come in or cross. Parts are told in the order of the rules that decide them. Returns true if all
 * of q was told or fn ended the walk; false if the budget was spent before. */
bool walk_region(struct compile *c, const struct ir_product *q, enum pbc_direction direction, const struct given *given,
                 struct region_budget *budget, judged_fn *fn, void *arg);
