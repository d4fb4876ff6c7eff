/* The output of --coverage. */
#pragma once

#include "runtime/counters/totals.h"
#include "runtime/report/subject.h"
#include "vm/vm.h"

/* Write the rules that matched and those that never matched, in place of a summary: as text, or as JSON. */
void coverage_text(FILE *out, const struct subject *r, const struct vm_counters *c, const struct totals *t,
                   const char *fault);
int coverage_json(FILE *out, const struct subject *r, const struct vm_counters *c, const struct totals *t,
                  const char *fault);
