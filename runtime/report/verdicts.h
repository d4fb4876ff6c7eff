/* Verdict lines: `frame verdict rule service server reason`, tab-separated under a header line, or one JSON object
 * each. */
#pragma once

#include <stdbool.h>

#include "runtime/report/text.h"

/* The header, where there is one. described: lines say what packets are. */
void verdicts_begin(FILE *out, bool json, bool described);
/* labels: of the program that judged; packet: what it is in words, or NULL. */
void verdicts_line(FILE *out, const struct labels *labels, bool json, uint64_t frame, const struct verdict *v,
                   const char *packet);
/* Who decided: "accept by SSH (old.prey:5), to web/one". The place is FILE:LINE, or "" where no file says it. */
void verdict_text(FILE *out, const struct labels *labels, const struct verdict *v);
const char *verdict_place(const struct labels *labels, const struct verdict *v);
