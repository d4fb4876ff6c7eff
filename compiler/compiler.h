/* One compile, start to end. The stages are in the order in which they run; each reads the results of earlier stages
 * in struct compile and reports into its diags. A stage runs only if the earlier ones left what it needs, and never
 * stops at the first mistake. */
#pragma once

#include "compiler/image/image.h"
#include "lang/lang.h"

struct ir;
struct symbols;
struct tests;

/* Stages that --stats times: STAGE(ident, name). */
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

/* Policy for lists that become classifiers; tests choose it, to compare. */
enum classify_when {
    CLASSIFY_BY_COST,
    CLASSIFY_ALL,
    CLASSIFY_NONE,
    CLASSIFY_RANKED /* all lists, by ranks if these suit */
};

/* A list as written in code, for --stats. A classifier's figures: compiler/classify/tree/builder.h. */
struct list_figures {
    uint32_t name; /* its name, a string */
    bool arp;      /* true for the list for ARP frames, which is separate */
    bool classified;
    bool in_dispatch;                  /* true for straight code in function 0 */
    uint32_t rules, coded, most_boxes; /* most_boxes: limit of boxes per rule */
    uint32_t boxes, cuts, forks, leaves, longest_leaf, blocks, words, compared, chain, lines, climbed;
    uint64_t bytes, peak_bytes;
    double expected_blocks;
    bool last_resort;
    struct list_figures *next;
};

/* Least number of random frames in a program's trial (analysis/trial/trial.h). DOUBTS_FEW: for makers of many
 * programs. */
enum { DOUBTS = 4096, DOUBTS_FEW = 64 };

/* A condition (index in CONDS) on the interface that a packet leaves by. */
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
    enum classify_when classify; /* optional, set between compile_init and compile_file */
    uint32_t doubts;             /* DOUBTS; fewer: exactly that many, without a look at the clock; 0: no trial */
    struct arena *arena;
    struct sources sources;
    struct diags *diags;
    bool keep_text;      /* optional, set before compile_file: the program carries the text of the rules */
    bool keep_tree;      /* optional, set before compile_file: for --dump=ast */
    bool read;           /* the main file was read */
    bool told_others;    /* W0513 was reported */
    struct out_on *outs; /* conditions written as `out on` */
    struct flows_length *flows_lengths;
    struct node *tree;          /* lang_parse; NULL once every statement is in the image, unless keep_tree */
    struct symbols *symbols;    /* symbols.c: every declared name, its kind, and if it was used */
    struct image *image;        /* the rule list, from rules.c and its callees */
    struct ir *ir;              /* normal.c: the normal form */
    struct ir *would_ir;        /* the same for the rules without `audit`; NULL: no `audit` */
    struct tests *tests;        /* resolve.c: the file's own tests */
    struct image *claims;       /* claim.c: conditions of tests, outside the program; NULL: none */
    struct list_figures *lists; /* codegen.c: lists in the order of their functions */
    uint8_t *pbc;               /* emit.c: bytes of the program file */
    size_t pbc_len;
    uint64_t memory_bytes;             /* memory of the loaded program */
    uint64_t lookup_bytes;             /* tables of large sets (vm/program/set_index.h) */
    uint64_t stage_ns[COMPILE_STAGES]; /* time spent in each stage */
};

void compile_init(struct compile *c);
void compile_fini(struct compile *c);

/* Run all stages. Return 0 with c->pbc set and verified by the vm's loader, -EINVAL with errors in c->diags, or the
 * negative errno of an unreadable main file. */
int compile_file(struct compile *c, const char *path);
int compile_text(struct compile *c, const char *name, const char *text, size_t len);
/* Run all stages on text around one typed line; diagnostics name no line. */
int compile_typed(struct compile *c, const char *name, const char *text);

/* Exchange the rules, and their normal form, for those without `audit`, and back (compile.c). */
void compile_swap(struct compile *c);
/* Return the clock by which stages are timed. */
uint64_t compile_now_ns(void);

/* Run the stages. */
void declare_names(struct compile *c); /* symbols.c: enter declarations as symbols; report duplicates */
void resolve_rules(struct compile *c); /* rules.c: enter chains and firewalls in the image; report unsupported rules */
void resolve_tests(struct compile *c); /* resolve.c: read the file's own tests, which judge_tests runs */
void warn_unused(struct compile *c);   /* symbols.c: warn about unused names */
void warn_misread(struct compile *c);  /* misread.c: warn about likely misunderstandings */
void make_normal(struct compile *c);   /* normal.c: make the normal form of the rule list */
void check_meters(struct compile *c);  /* meter_checks.c: report keys that do not fit a rule's families */
void analyse_rules(struct compile *c); /* analyse.c: report duplicates, shadowed rules, neighbour discovery cut off */
void analyse_audited(struct compile *c); /* analyse.c: the same for rules without `audit`; report audited rules */
void find_memos(struct compile *c);      /* memos.c: find verdicts that flows may remember */
void generate_code(struct compile *c); /* codegen.c: make functions and code of the normal form; calls the classifier */

/* Run the file's own tests after a compile without errors. A failing test is an error in c->diags. */
void compile_test(struct compile *c);
void judge_tests(struct compile *c); /* run.c: run the tests; the only stage of compile_test */
/* Print "5 tests passed", "1 of 5 tests failed: "a"" (report_failed.c); nothing if the file has none. */
void tests_summary(const struct compile *c, FILE *out);
/* Print the results as a JSON array. */
void tests_print_json(struct compile *c, FILE *out);
bool tests_any(const struct compile *c);    /* true if tests were run */
bool tests_passed(const struct compile *c); /* true if all tests that were run passed */

/* Print the outputs of --dump=ir and --stats. */
void ir_dump(const struct compile *c, FILE *out);
void stats_print(const struct compile *c, FILE *out, bool json);
struct figures;
void stats_print_left(const struct compile *c, struct figures *f); /* left.c: print a part of --stats */
