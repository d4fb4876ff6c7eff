/* One compile, start to end. The stages stand in the order in which they run; each reads what the ones before left in
 * struct compile and reports into its diags. A stage runs only if those before it left what it needs, and never stops
 * at the first mistake. */
#pragma once

#include "compiler/image/image.h"
#include "lang/lang.h"

struct ir;
struct symbols;
struct tests;

/* What --stats times: STAGE(ident, name). */
#define COMPILE_STAGE_LIST(STAGE)                                                                                      \
    STAGE(PARSE, "read and parse")                                                                                     \
    STAGE(RULES, "names and rules")                                                                                    \
    STAGE(NORMAL, "normal form")                                                                                       \
    STAGE(ANALYSE, "analysis")                                                                                         \
    STAGE(CODE, "code")                                                                                                \
    STAGE(EMIT, "write and verify")                                                                                    \
    STAGE(TESTS, "tests of the rule file")
enum compile_stage {
#define STAGE(ident, name) STAGE_##ident,
    COMPILE_STAGE_LIST(STAGE)
#undef STAGE
        COMPILE_STAGES
};

/* Which lists become classifiers; tests choose, to compare. */
enum classify_when { CLASSIFY_BY_COST, CLASSIFY_ALL, CLASSIFY_NONE };

/* A list as it became code, for --stats. A classifier's figures are compiler/classify/tree/builder.h's. */
struct list_figures {
    uint32_t name; /* string */
    bool arp;      /* of ARP frames, which have lists of their own */
    bool classified;
    bool in_dispatch;                  /* straight code that stands in function 0 */
    uint32_t rules, coded, most_boxes; /* that a rule may have */
    uint32_t boxes, cuts, forks, leaves, longest_leaf, blocks, words, compared, chain, lines;
    uint64_t bytes, peak_bytes;
    double expected_blocks;
    bool last_resort;
    struct list_figures *next;
};

/* Random frames that a program is tried on, at least (analysis/trial/trial.h); and where many programs are made. */
enum { DOUBTS = 4096, DOUBTS_FEW = 64 };

/* A condition (index in CONDS) that asks where a packet leaves. */
struct out_on {
    struct out_on *next;
    uint32_t cond;
};

/* A `flows over` whose `per` has one prefix length. */
struct flows_length {
    uint32_t cond;
    const struct node *per;
    struct flows_length *next;
};

struct compile {
    enum classify_when classify; /* set between compile_init and compile_file, as is */
    uint32_t doubts;             /* DOUBTS; fewer: that many, and no clock is asked; 0: the program is not tried */
    struct arena *arena;
    struct sources sources;
    struct diags *diags;
    bool keep_tree;      /* likewise: for --dump=ast */
    bool read;           /* the main file was */
    bool told_others;    /* W0513 was */
    struct out_on *outs; /* conditions written as `out on` */
    struct flows_length *flows_lengths;
    struct node *tree;          /* lang_parse; NULL once every statement is in the image, unless it is kept */
    struct symbols *symbols;    /* names.c: every declared name, what it is, whether it was used */
    struct image *image;        /* rules.c and what it calls: the rule list */
    struct ir *ir;              /* normal.c: the normal form */
    struct tests *tests;        /* resolve.c: the file's own tests */
    struct image *claims;       /* claim.c: conditions of tests, which are no part of the program; NULL: none */
    struct list_figures *lists; /* codegen.c: in the order of their functions */
    uint8_t *pbc;               /* emit.c: the file */
    size_t pbc_len;
    uint64_t memory_bytes;             /* of the program when it is loaded */
    uint64_t lookup_bytes;             /* the tables of large sets (vm/program/set_index.h) */
    uint64_t stage_ns[COMPILE_STAGES]; /* time spent in each */
};

void compile_init(struct compile *c);
void compile_fini(struct compile *c);

/* All stages. Returns 0 with c->pbc set and verified by the vm's loader, -EINVAL when there are errors (in c->diags),
 * or the negative errno of an unreadable main file. */
int compile_file(struct compile *c, const char *path);
int compile_text(struct compile *c, const char *name, const char *text, size_t len);
/* The same of text around one line that somebody typed: diagnostics name no line. */
int compile_typed(struct compile *c, const char *name, const char *text);

/* The stages. */
void declare_names(struct compile *c); /* names.c: declarations into symbols; duplicates */
void resolve_rules(struct compile *c); /* rules.c: chains and firewalls into the image; E0900 for what is not due */
void resolve_tests(struct compile *c); /* resolve.c: the file's own tests, to be run by judge_tests */
void warn_unused(struct compile *c);   /* names.c */
void warn_misread(struct compile *c);  /* misread.c */
void make_normal(struct compile *c);   /* normal.c: rule list to normal form */
void check_meters(struct compile *c);  /* meter_checks.c: keys that do not fit a rule's families */
void analyse_rules(struct compile *c); /* analyse.c: duplicates, shadowed rules, neighbour discovery cut off */
void find_memos(struct compile *c);    /* memos.c: which verdicts may be remembered for flows */
void generate_code(struct compile *c); /* codegen.c: normal form to functions and code; the classifier's seam */

/* After a compile without errors: run the file's own tests. A failing one is an error in c->diags. */
void compile_test(struct compile *c);
void judge_tests(struct compile *c); /* run.c: its one stage */
/* "5 tests passed", "1 of 5 tests failed: "a"" (report.c); nothing where the file has none. */
void tests_summary(const struct compile *c, FILE *out);
/* The results as a JSON array. */
void tests_print_json(struct compile *c, FILE *out);
bool tests_any(const struct compile *c);    /* were any run? */
bool tests_passed(const struct compile *c); /* all that were run */

/* --dump=ir, --stats */
void ir_dump(const struct compile *c, FILE *out);
void stats_print(const struct compile *c, FILE *out, bool json);
struct figures;
void stats_print_left(const struct compile *c, struct figures *f); /* left.c: a part of it */
