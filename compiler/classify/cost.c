/* When a list of rules is worth a classifier. */
#include "compiler/classify/cost.h"

enum { CLASSIFY_MIN = 24 };

bool worth_classifying(uint32_t rules) { return rules >= CLASSIFY_MIN; }
