/* The counters of live traffic, printed as the summary of a replay prints them: the same tables, lines and keys. */
#pragma once

#include "runtime/base/options.h"
#include "runtime/counters/totals.h"
#include "runtime/report/flows.h"
#include "runtime/report/text.h"

struct report {
    const struct options *options;
    struct program *program;
    const struct labels *labels; /* of the program */
    const struct vm_counters *counters;
    const struct totals *totals;
    const uint8_t *down;           /* [servers_count] as in struct facts; NULL: none is */
    uint32_t rules_most;           /* JSON alone: 0: all; else those that matched most, and `rules_left_out` */
    const struct flow_list *flows; /* JSON alone: listed at the end; NULL: not */
};

/* Of a recording, with what was read. */
void report_text(FILE *out, const struct report *of);
/* Instead: which rules matched and which never did, as --coverage says it of a replay. 0, or -1: no memory. */
int report_coverage(FILE *out, const struct report *of);

/* The numbers alone, into an object. */
struct cJSON;
void report_json_add(struct cJSON *root, const struct report *of);

/* One object; `more` adds what else there is to say, before it is printed. 0, or -1: no memory. */
typedef void report_more_fn(struct cJSON *root, const void *arg);
int report_json(FILE *out, const struct report *of, report_more_fn *more, const void *arg);
