/* What a list costs a packet, as straight code and as a classifier: nanoseconds on the machines that these figures were
 * taken on (cost.c), so that ratios matter and absolute values are a guide. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Straight code: a question that halves the rules, a test of one, and lists of more rules than are looked at, at once.
 */
static const double halving_ns = 2.5, test_ns = .7, long_ns = 10, long_rule_ns = .05;

/* A list before it is written. */
struct list_cost {
    uint32_t rules;
    double straight_ns; /* of a packet that no rule decides early */
    uint32_t asked_all; /* rules that nearly every packet reaches, and that need code: they count, log, do, or test what
                           no box says */
};

bool worth_classifying(const struct list_cost *c);

/* A packet in a batch: of a tree's words and blocks (256 bytes) those that it reads. */
double classifier_ns(double words, double blocks);
