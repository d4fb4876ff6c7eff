/* Shared by the code of lists (codegen.c) and of function 0 (dispatch.c). */
#pragma once

#include "compiler/classify/tree/builder.h"
#include "compiler/code/plan.h"

/* Place of a list's code: where its results go. */
struct place {
    enum variant v;
    uint32_t firewall;     /* in function 0: firewall that judges; else PBC_NONE */
    struct label *returns; /* target of `return`; NULL: out of the function */
};

/* Write the rules of a run in place. */
void rules_code(struct gen *g, struct plan *plan, const struct run *run, const struct place *at);
/* Return the instructions that the list takes in line, measured by writing and discarding them. ends: its last rule
 * takes all packets, so that nothing comes behind it. */
uint32_t list_instructions(struct gen *g, struct plan *plan, const struct list *l, enum variant v, bool *ends);
/* Write a list of several blocks in place, as calls. */
void blocks_code(struct gen *g, struct plan *plan, const struct list *l, const struct place *at);
/* Write a call, and the end if its result decides. */
void call_code(struct gen *g, struct plan *plan, const struct place *at, struct function *f);

/* Write the action of a rule whose conditions hold. */
void rule_action(struct gen *g, struct plan *plan, const struct place *at, uint32_t rule);
/* A list in the making of a classifier. */
struct classified {
    const struct list *list;
    uint32_t *rule; /* [count]: rule of each entry */
    uint32_t *left; /* [count]: fields that its boxes do not answer */
    bool *coded;
    uint32_t count, most;
    struct boxes boxes; /* boxes, at most `most` for a rule */
};
/* Report a list that takes more than `bytes` (b NULL), or in which one packet may be asked too many rules. Store
 * warnings about a list that was built (classified_report.c). */
void report_classified(struct gen *g, const struct classified *c, const struct built *b, uint64_t bytes);
/* Report, before building, a list that clearly asks one packet too many rules in turn. True if reported. */
bool refuse_classified(struct gen *g, const struct classified *c);
/* Report the stored warnings, once the code is final. */
void report_warnings(struct gen *g);
/* Store the list's figures for --stats. c, b: NULL for straight code. */
void keep_figures(struct gen *g, const struct plan *plan, const struct list *l, enum variant v,
                  const struct classified *c, const struct built *b);
/* The same for straight code in function 0, stored once for all copies. */
void keep_figures_in_dispatch(struct gen *g, const struct plan *plan, struct list *l, enum variant v);
/* Write the list as one function that classifies (classified.c), in a function already begun. */
void classified_code(struct gen *g, struct plan *plan, struct list *l, enum variant v);

void dispatch_code(struct gen *g, struct plan *plan);
