/* The plan of the lists' code, made before any code is written; codegen.c, classified.c and dispatch.c carry it out.
 * It contains chains that become functions or are in their callers, cuts of long lists into blocks, and the order of
 * functions, in which calls only go forward. */
#pragma once

#include "compiler/classify/cost.h"
#include "compiler/classify/tree/builder.h"
#include "compiler/code/gen_priv.h"

struct list;

/* Rules begin..end-1 of a list, counted from its first. */
struct run {
    const struct list *list;
    uint32_t begin, end;
};

struct call_site {
    uint32_t insn;
    struct call_site *next;
};

struct function {
    enum variant v;
    struct run run;          /* rules of a block */
    struct function *blocks; /* blocks of a list with more than one */
    unsigned block_count;
    struct call_site *calls; /* calls written so far, whose number is filled in later */
};

struct list {
    uint32_t name;
    uint32_t first, count; /* range of rules */
    bool chain, in_line;
    uint32_t sites[VARIANTS];  /* number of written `do` rules that lead here */
    uint32_t height;           /* depth of nested chains, including this one, but not a firewall's own list */
    uint32_t size[VARIANTS];   /* rules to write, with chains in line */
    uint32_t end[VARIANTS];    /* first rule that is never reached */
    uint32_t levels;           /* depth of nested calls when called as a function */
    bool classified[VARIANTS]; /* true for a function that classifies (classified.c), false for straight code */
    struct function top[VARIANTS];
    bool visited;
    bool told[VARIANTS];          /* figures of its straight code in function 0 were stored */
    bool costed, worth[VARIANTS]; /* worth: a classifier is cheaper; valid once costed */
};

struct plan {
    struct compile *c;
    struct list *lists;  /* firewalls, then chains */
    struct list **order; /* callers before callees */
    uint32_t count;
    const bool *straight; /* [list * VARIANTS + variant]: must not be classified */
    uint8_t *judges;      /* [rule]: a bit for each variant in which the rule is written */
    struct gen *g;        /* generator that writes chains to measure them */
    bool measuring;       /* true while calls in measured code do not count */
};

/* Make a plan in the arena. The generator's assembler must be ready. */
struct plan *plan_new(struct gen *g);

struct list *plan_firewall(const struct plan *plan, uint32_t firewall);
struct list *plan_chain(const struct plan *plan, uint32_t chain);
/* True if the rule is written for these frames: it can match one, and no analysis found it covered. */
bool plan_writes(const struct plan *plan, uint32_t rule, enum variant v);
uint32_t plan_rules_to_write(const struct list *l,
                             enum variant v); /* number of first rules to look at; some are not written */
uint32_t plan_rules_written(const struct plan *plan, const struct list *l, enum variant v);
/* True if a rule of any firewall judges ARP. */
bool plan_judges_arp(const struct plan *plan);

/* Return the number of rules in all lists that become classifiers. */
uint64_t plan_rules_to_classify(const struct plan *plan);

/* Return the list's cost as straight code (straight_cost.c). */
struct list_cost straight_cost(const struct plan *plan, const struct list *l, enum variant v);

/* Note a written call to f; the instruction gets f's number when f begins. */
void plan_note_call(struct plan *plan, struct function *f, uint32_t insn);
/* Begin and end an entry of FUNCS. f: NULL for function 0. */
void plan_begin(struct plan *plan, struct function *f, uint32_t name);
void plan_end(struct image *img);

/* Place of a list's code: where its results go. */
struct place {
    enum variant v;
    uint32_t firewall;     /* in function 0: firewall that judges; else PBC_NONE */
    struct label *returns; /* target of `return`; NULL: out of the function */
};

/* Write the rules of a run in place. */
void rules_code(struct gen *g, struct plan *plan, const struct run *run, const struct place *at);
/* Return the instructions that the list takes in line, measured by writing and discarding them. ends: its last rule
 * takes all packets, so that no code follows it. */
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
    uint32_t *left; /* [count]: fields that its boxes do not express */
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
/* Store the figures of straight code in function 0, once for all copies. */
void keep_figures_in_dispatch(struct gen *g, const struct plan *plan, struct list *l, enum variant v);
/* Write the list as one function that classifies (classified.c), in a function already begun. */
void classified_code(struct gen *g, struct plan *plan, struct list *l, enum variant v);

void dispatch_code(struct gen *g, struct plan *plan);
