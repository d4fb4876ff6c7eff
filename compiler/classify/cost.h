/* When a list of rules is worth a classifier. */
#ifndef COMPILER_COST_H
#define COMPILER_COST_H

#include <stdbool.h>
#include <stdint.h>

/* rules: that the list's code would hold. */
bool worth_classifying(uint32_t rules);

#endif
