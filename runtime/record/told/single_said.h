/* What is printed at the end of a recording whose packets the kernel judged. */
#pragma once

#include "runtime/record/again/actor.h"
#include "runtime/report/report.h"

/* To standard output. 0, or -1: memory is out. */
int single_summary(const struct options *o, const struct totals *t, const struct actor_counters *c,
                   report_more_fn *more, const void *arg);
