/* What the code of the lists will look like before any is written: which chains become functions and which stand in
 * their callers, where long lists are cut into blocks, and in which order functions follow one another so that calls
 * only go forward. */
#pragma once

#include "compiler/classify/cost.h"
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
    struct run run;          /* of a block */
    struct function *blocks; /* of a list with more than one */
    unsigned block_count;
    struct call_site *calls; /* written so far, to be told the number that it gets */
};

struct list {
    uint32_t name;
    uint32_t first, count; /* rules */
    bool chain, in_line;
    uint32_t sites[VARIANTS];  /* `do` rules that lead here and are written */
    uint32_t height;           /* chains nested below, this one included; a firewall's own list not */
    uint32_t size[VARIANTS];   /* rules that will be written, chains in line counted */
    uint32_t end[VARIANTS];    /* rules from here on are never reached */
    uint32_t levels;           /* of nested calls when called as a function */
    bool classified[VARIANTS]; /* a function that classifies (classified.c), not straight code */
    struct function top[VARIANTS];
    bool visited;
    bool told[VARIANTS];          /* of its straight code in function 0 */
    bool costed, worth[VARIANTS]; /* is it worth a classifier? once that was asked */
};

struct plan {
    struct compile *c;
    struct list *lists;  /* firewalls, then chains */
    struct list **order; /* callers before what they call */
    uint32_t count;
    const bool *straight; /* [list * VARIANTS + variant]: not to be classified */
    uint8_t *judges;      /* [rule]: bit of each variant in which it is written */
    struct gen *g;        /* writes chains to see what they take; */
    bool measuring;       /* calls that it writes then are none */
};

/* In the arena. The generator's assembler is ready. */
struct plan *plan_new(struct gen *g);

struct list *plan_firewall(const struct plan *plan, uint32_t firewall);
struct list *plan_chain(const struct plan *plan, uint32_t chain);
/* Is the rule written for these frames? Not if it can't match one, or an analysis found it covered. */
bool plan_writes(const struct plan *plan, uint32_t rule, enum variant v);
uint32_t plan_rules_to_write(const struct list *l,
                             enum variant v); /* the list's first ones; some of them are not written */
uint32_t plan_rules_written(const struct plan *plan, const struct list *l, enum variant v);
/* Does any rule of any firewall judge ARP? */
bool plan_judges_arp(const struct plan *plan);

/* Rules of all lists that become classifiers. */
uint64_t plan_rules_to_classify(const struct plan *plan);

/* What the list would cost as straight code (straight_cost.c). */
struct list_cost straight_cost(const struct plan *plan, const struct list *l, enum variant v);

/* A call to f was written; the instruction learns f's number when f begins. */
void plan_note_call(struct plan *plan, struct function *f, uint32_t insn);
/* Open and close the entry of FUNCS. f: NULL for function 0. */
void plan_begin(struct plan *plan, struct function *f, uint32_t name);
void plan_end(struct image *img);
