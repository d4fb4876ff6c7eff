/* What the parts of code generation share: tests of rules (rule_tests.c, kind_masks.c) and the code of lists
 * (codegen.c). */
#pragma once

#include "compiler/code/asm.h"
#include "compiler/normal/normal.h"

/* What of key.kind decides whether a frame's protocol, family and fragment are the product's. */
struct kind_masks {
    uint32_t all;    /* these bits are set */
    uint32_t none;   /* these are clear */
    uint32_t any[3]; /* of each that is not 0, one is set */
    bool numbers;    /* and key.proto must be looked at: the masks do not tell protocols apart */
};

/* One test of a rule: a few instructions that jump to a label unless the packet passes. Two tests are the same if their
 * first four members are. */
struct test {
    uint8_t type;     /* enum test_type */
    uint8_t families; /* of address tests: those that can come */
    uint32_t a, b;    /* by type */
    float rank;       /* cost / chance to fail: the order in which a rule's tests cost least */
    float fails;      /* chance to fail, guessed from what is tested */
};

struct tests {
    struct test *t;
    uint32_t count;
};

enum { HEADER_RANGES_MAX = 1000 }; /* of a number that the key does not hold: its tests lie within one jump */

struct gen {
    struct compile *c;
    struct image *img;
    struct ir *ir;
    struct assembler as;
    struct mask_cache *masks;
    uint64_t classifier_bytes; /* that are left of the limit, */
    uint64_t rules_left;       /* for lists of so many rules together */
    struct list_figures **next_figures;
    struct list_warning *warnings, **next_warning; /* of the lists as they are written now (classified_report.c) */
    bool *straight;      /* [list * VARIANTS + variant]: no classifier, should the code be written again */
    bool again;          /* there are such */
    const char *longest; /* of what a rule has a list of more than HEADER_RANGES_MAX ranges; NULL: of nothing */
    bool out_of_maps, out_of_ranges, out_of_sets, out_of_memory, out_of_classifier;
};

/* The masks for the product, from a cache. */
const struct kind_masks *kind_masks(struct gen *g, const struct ir_product *p, enum variant v);

/* The product's tests in the order in which to make them, in the arena. */
struct tests tests_of(struct gen *g, const struct ir_product *p, enum variant v);
/* Code that goes on where the packet passes and jumps to `fail` where not. */
void emit_test(struct gen *g, const struct test *t, struct label *fail);
bool same_test(const struct test *a, const struct test *b);

struct plan;
void services_code(struct gen *g, struct plan *plan); /* code_services.c */
