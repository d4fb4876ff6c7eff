/* Between the code of lists (codegen.c) and of function 0 (dispatch.c). */
#ifndef COMPILER_LISTS_PRIV_H
#define COMPILER_LISTS_PRIV_H

#include "compiler/code/plan.h"

/* What becomes of a rule that matches. */
struct place {
    enum variant v;
    uint32_t firewall;     /* in function 0: that judges; else PBC_NONE */
    struct label *returns; /* where `return` goes; NULL: out of the function */
};

/* The rules of a run, in place. */
void rules_code(struct gen *g, struct plan *plan, const struct run *run, const struct place *at);
/* A list of several blocks, in place: each is called. */
void blocks_code(struct gen *g, struct plan *plan, const struct list *l, const struct place *at);
/* A call, and the end if its result decides. */
void call_code(struct gen *g, struct plan *plan, const struct place *at, struct function *f);

/* What becomes of a packet for which the rule holds. */
void rule_action(struct gen *g, struct plan *plan, const struct place *at, uint32_t rule);
/* The list as one function that classifies (classified.c); the function is begun. */
void classified_code(struct gen *g, struct plan *plan, struct list *l, enum variant v);

void dispatch_code(struct gen *g, struct plan *plan);

#endif
