/* Between the code of lists (codegen.c) and of function 0 (dispatch.c). */
#pragma once

#include "compiler/classify/tree/builder.h"
#include "compiler/code/plan.h"

/* What becomes of a rule that matches. */
struct place {
    enum variant v;
    uint32_t firewall;     /* in function 0: that judges; else PBC_NONE */
    struct label *returns; /* where `return` goes; NULL: out of the function */
};

/* The rules of a run, in place. */
void rules_code(struct gen *g, struct plan *plan, const struct run *run, const struct place *at);
/* Instructions that the list takes in line, found by writing them and taking them back. ends: its last rule takes all,
 * so that nothing comes behind it. */
uint32_t list_instructions(struct gen *g, struct plan *plan, const struct list *l, enum variant v, bool *ends);
/* A list of several blocks, in place: each is called. */
void blocks_code(struct gen *g, struct plan *plan, const struct list *l, const struct place *at);
/* A call, and the end if its result decides. */
void call_code(struct gen *g, struct plan *plan, const struct place *at, struct function *f);

/* What becomes of a packet for which the rule holds. */
void rule_action(struct gen *g, struct plan *plan, const struct place *at, uint32_t rule);
/* A list on its way to be a classifier. */
struct classified {
    const struct list *list;
    uint32_t *rule; /* [count] of each entry */
    uint32_t *left; /* fields that its boxes do not say */
    bool *coded;
    uint32_t count, most;
    struct boxes boxes; /* at most `most` of a rule */
};
/* Report a list that takes more than `bytes`, b NULL, or of which too many rules can be asked in turn; keep what else
 * is to be said of one that was built (classified_report.c). */
void report_classified(struct gen *g, const struct classified *c, const struct built *b, uint64_t bytes);
/* Is it plain before anything is built that one packet could be asked too many rules in turn? True after reporting
 * that. */
bool refuse_classified(struct gen *g, const struct classified *c);
/* Say what was kept: once the code stays as it is. */
void report_warnings(struct gen *g);
/* Keep what --stats tells of the list. c, b: NULL where it is straight code. */
void keep_figures(struct gen *g, const struct plan *plan, const struct list *l, enum variant v,
                  const struct classified *c, const struct built *b);
/* The same of one whose straight code stands in function 0: once, however often. */
void keep_figures_in_dispatch(struct gen *g, const struct plan *plan, struct list *l, enum variant v);
/* The list as one function that classifies (classified.c); the function is begun. */
void classified_code(struct gen *g, struct plan *plan, struct list *l, enum variant v);

void dispatch_code(struct gen *g, struct plan *plan);
