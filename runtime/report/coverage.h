/* --coverage. */
#pragma once

#include "runtime/counters/totals.h"
#include "runtime/report/subject.h"
#include "vm/vm.h"

/* Which rules matched, and which never, instead of a summary; for a person and for a program. */
void coverage_text(FILE *out, const struct subject *r, const struct vm_counters *c, const struct totals *t,
                   const char *fault);
int coverage_json(FILE *out, const struct subject *r, const struct vm_counters *c, const struct totals *t,
                  const char *fault);
