/* Counters of live traffic in the form of a replay's summary: the same tables, lines and keys. */
#pragma once

#include "runtime/base/options.h"
#include "runtime/counters/totals.h"
#include "runtime/report/flows.h"
#include "runtime/report/text.h"

struct report {
    const struct options *options;
    struct program *program;
    const struct labels *labels; /* labels of `program` */
    const struct vm_counters *counters;
    const struct totals *totals;
    const uint8_t *down;           /* [servers_count] as in struct facts; NULL: no server is down */
    uint32_t rules_most;           /* JSON only: 0: all; else this many with the most matches, and `rules_left_out` */
    const struct flow_list *flows; /* JSON only: listed at the end; NULL: no list */
};

/* Write the summary of a recording, with its sources. */
void report_text(FILE *out, const struct report *of);
/* Write the coverage in place of the summary, as --coverage does for a replay. Return 0, or -1: out of memory. */
int report_coverage(FILE *out, const struct report *of);

/* Add the numbers alone to an object. */
struct cJSON;
void report_json_add(struct cJSON *root, const struct report *of);

/* Write one object; `more` adds further members before it is printed. Return 0, or -1: out of memory. */
typedef void report_more_fn(struct cJSON *root, const void *arg);
int report_json(FILE *out, const struct report *of, report_more_fn *more, const void *arg);
