/* Counters of live traffic in the form of a replay's summary: the same tables, lines and keys. */
#pragma once

#include "runtime/base/options/run_options.h"
#include "runtime/counters/totals.h"
#include "runtime/report/flow_list.h"
#include "runtime/report/text.h"

struct cJSON;

struct report {
    const struct options *options;
    struct program *program;
    const struct labels *labels; /* labels of `program` */
    const struct vm_counters *counters;
    const struct totals *totals;
    const uint8_t *down; /* [servers_count] as in struct facts; NULL: no server is down */
    uint32_t rules_most; /* rules in the document: 0: all; else this many with the most matches, and `rules_left_out` */
};

/* Return the document, which the caller completes and frees. It lists no rules if `options` ask for text. NULL: out
 * of memory. */
struct cJSON *report_document(const struct report *of);
/* Add the members of that document to an object. */
void report_json_add(struct cJSON *root, const struct report *of);
/* Print the document and free it, with a list of flows unless that is NULL. Return 0, or -1: out of memory. */
int report_json(FILE *out, struct cJSON *root, const struct flow_list *flows);
/* Write the summary of these counters; for a recording, also its sources. */
void report_text(FILE *out, const struct report *of, const struct cJSON *root);
/* Write the coverage in place of the summary, as with --coverage in a replay. Return 0, or -1: out of memory. */
int report_coverage(FILE *out, const struct report *of);
