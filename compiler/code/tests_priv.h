/* Kinds of tests, between who chooses them (rule_tests.c) and who writes them (emit_tests.c). */
#pragma once

#include "compiler/code/gen_priv.h"

enum test_type {
    TEST_DST, /* a: addresses where not own, b: where own */
    TEST_SRC,
    TEST_HALF,      /* a: field, b: its ranges */
    TEST_HEADER,    /* the same, of a field that the key does not hold */
    TEST_NUMBERS,   /* a: IR_WHAT ranges; the masks have seen to it that the protocol is known */
    TEST_ALL,       /* a: bits of key.kind that must be set */
    TEST_NONE,      /* a: that must be clear */
    TEST_ANY,       /* a: of which one must be set */
    TEST_FLAGS_SET, /* a: TCP flags */
    TEST_FLAGS_CLEAR,
    TEST_STATE,   /* a: bits of key.marks of which one must be set */
    TEST_SRC_MAC, /* a: MAC predicate */
    TEST_DST_MAC,
    TEST_PATTERN, /* a: pattern */
    TEST_DURING,  /* a: schedules of which one must be active */
    TEST_NOT_DURING,
    TEST_FLOWS, /* a: number that the source holds more of; b: grain */
    TEST_OVER,  /* a: meter; after all others, in their order, and never for several rules at once */
    TEST_WITHIN,
};

struct address_cost {
    double instructions, chance;
};
/* What the test of an address set costs as it will be written, and the chance that an address is in it, guessed. */
struct address_cost address_cost(struct gen *g, uint32_t addrs, unsigned families);
/* What TEST_DST and TEST_SRC become. Own addresses have a set of their own; that one of them is empty is a bit already
 * tested (rule_tests.c). */
void emit_address(struct gen *g, const struct test *t, struct label *fail);
