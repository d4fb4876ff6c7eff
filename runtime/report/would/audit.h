/* Report of the decisions without the word `audit` (vm/worker/audit.h). */
#pragma once

#include <cjson/cJSON.h>

#include "runtime/report/table.h"

/* Write the rules and defaults that would decide differently, and the number of packets concerned. Nothing for a
 * program without audit. */
void audit_text(const struct table *t, const struct cJSON *root, const struct subject *r, const struct vm_counters *c);
void audit_json(cJSON *root, const struct subject *r, const struct vm_counters *c);
