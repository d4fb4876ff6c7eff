/* A list's cost for a packet, as straight code and as a classifier: nanoseconds on the machines of the measurements
 * (cost.c), so ratios matter and absolute values are a guide. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Costs of straight code in nanoseconds: a question that halves the rules; a test of one rule; a list too long to be
 * counted (straight_cost.c), once and for each of its rules. */
static const double halving_ns = 2.5, test_ns = .7, long_ns = 10, long_rule_ns = .05;

/* The cost of a list before it is written. */
struct list_cost {
    uint32_t rules;
    double straight_ns; /* cost for a packet that no rule decides early */
    uint32_t asked_all; /* rules that nearly every packet reaches and that need code: they count, log, do, or test
                           outside their boxes */
};

bool worth_classifying(const struct list_cost *c);

/* Return the cost for a packet in a batch; words, blocks: those of the tree that it reads. */
double classifier_ns(double words, double blocks);
