/* Kinds of tests, shared by their choice (rule_tests.c) and their code (emit_tests.c). */
#pragma once

#include "compiler/code/gen_priv.h"

enum test_type {
    TEST_DST, /* a: addresses for frames whose address is not this machine's own, b: for the others */
    TEST_SRC,
    TEST_HALF,      /* a: field, b: its ranges */
    TEST_HEADER,    /* the same for a field outside the key */
    TEST_NUMBERS,   /* a: IR_WHAT ranges; the masks make sure that the protocol is known */
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
    TEST_OVER,  /* a: meter; after all others, in their order, and never shared by rules */
    TEST_WITHIN,
};

struct address_cost {
    double instructions, chance;
};
/* Return the cost of an address set's test as it will be written, and the guessed chance that it holds. */
struct address_cost address_cost(struct gen *g, uint32_t addrs, unsigned families);
/* Write TEST_DST and TEST_SRC. Own addresses have a set of their own; a bit tested before tells if one of the sets is
 * empty (rule_tests.c). */
void emit_address(struct gen *g, const struct test *t, struct label *fail);
