/* What owners are made of, for who decides by the same tables elsewhere (runtime/io/steer/deal.c). */
#pragma once

#include "vm/worker/owner.h"
#include "vm/worker/whose.h"

struct whose_tables {
    struct whose numbers;
    const struct roles *roles;
    struct whose_any *anys;     /* [numbers.anys] */
    struct whose_from4 *froms4; /* [numbers.froms4], sorted, disjoint */
    struct whose_from6 *froms6;
};

/* As long as the owners live. NULL: tunnels are opened, and what is inside decides, which these tables do not tell. */
const struct whose_tables *owners_tables(const struct owners *o);
