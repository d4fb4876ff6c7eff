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

void dispatch_code(struct gen *g, struct plan *plan);

#endif
