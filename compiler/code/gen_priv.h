/* Shared by the parts of code generation: tests of rules (rule_tests.c, kind_masks.c) and the code of lists
 * (codegen.c). */
#pragma once

#include "compiler/code/asm.h"
#include "compiler/normal/normal.h"

/* Masks of key.kind that match the frames with a product's protocol, family and fragment. */
struct kind_masks {
    uint32_t all;    /* bits that are set */
    uint32_t none;   /* bits that are clear */
    uint32_t any[3]; /* sets of bits, at least one of each set; 0: none */
    bool numbers;    /* true if key.proto must be compared, too: the masks do not distinguish protocols */
};

/* Kinds of tests, chosen by rule_tests.c and written by emit_tests.c */
enum test_type {
    TEST_DST, /* a: addresses for frames whose address is not this machine's; b: for the others */
    TEST_SRC,
    TEST_HALF,      /* a: field, b: its ranges */
    TEST_HEADER,    /* the same for a field outside the key */
    TEST_NUMBERS,   /* a: IR_WHAT ranges; the masks guarantee a known protocol */
    TEST_ALL,       /* a: bits of key.kind that must be set */
    TEST_NONE,      /* a: bits of key.kind that must be clear */
    TEST_ANY,       /* a: bits of key.kind, one of which must be set */
    TEST_FLAGS_SET, /* a: TCP flags */
    TEST_FLAGS_CLEAR,
    TEST_STATE,   /* a: bits of key.marks, one of which must be set */
    TEST_SRC_MAC, /* a: MAC predicate */
    TEST_DST_MAC,
    TEST_PATTERN, /* a: pattern */
    TEST_DURING,  /* a: schedules, one of which must be active */
    TEST_NOT_DURING,
    TEST_FLOWS, /* a: number that the source's flows must exceed; b: grain */
    TEST_OVER,  /* a: meter; these tests follow all others, in the rule's order, and rules never share them */
    TEST_WITHIN,
};

/* A test of a rule: a few instructions that jump to a label unless the packet passes. Tests with equal first four
 * members are the same. */
struct test {
    uint8_t type;     /* enum test_type */
    uint8_t families; /* possible families, for address tests */
    uint32_t a, b;    /* operands, by type */
    float rank;       /* cost / chance to fail: ascending order minimises the cost of a rule's tests */
    float fails;      /* chance to fail, guessed from the tested values */
};

struct tests {
    struct test *t;
    uint32_t count;
};

enum { HEADER_RANGES_MAX = 1000 }; /* most ranges of a number outside the key, so that its tests are within one jump */

struct gen {
    struct compile *c;
    struct image *img;
    struct ir *ir;
    struct assembler as;
    struct mask_cache *masks;
    uint64_t classifier_bytes; /* bytes left of the limit for classifiers */
    uint64_t rules_left;       /* number of rules that share these bytes */
    struct list_figures **next_figures;
    struct list_warning *warnings, **next_warning; /* warnings about the lists as written now (classified_report.c) */
    bool *straight;       /* [list * VARIANTS + variant]: no classifier if the code is written again */
    bool *would_straight; /* the same for the lists as they would decide without `audit` */
    bool again;           /* true if any are in `straight` */
    const char *longest;  /* item for which a rule lists more than HEADER_RANGES_MAX ranges; NULL: none */
    bool out_of_maps, out_of_ranges, out_of_sets, out_of_memory, out_of_classifier;
};

/* Return the masks for the product, from a cache. */
const struct kind_masks *kind_masks(struct gen *g, const struct ir_product *p, enum variant v);

/* Return the product's tests in the best order, in the arena. */
struct tests tests_of(struct gen *g, const struct ir_product *p, enum variant v);
/* Write code that continues if the packet passes, and jumps to `fail` otherwise. */
void emit_test(struct gen *g, const struct test *t, struct label *fail);
bool same_test(const struct test *a, const struct test *b);

struct address_cost {
    double instructions, chance;
};
/* Return the cost of an address set's test as written, and the guessed chance that it holds. */
struct address_cost address_cost(struct gen *g, uint32_t addrs, unsigned families);
/* Write TEST_DST and TEST_SRC. Own addresses have a separate set; a bit tested before shows if one of the sets is
 * empty (rule_tests.c). */
void emit_address(struct gen *g, const struct test *t, struct label *fail);

struct plan;
void services_code(struct gen *g, struct plan *plan); /* code_services.c: write the code of services */
