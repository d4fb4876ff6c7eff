/* Verdict lines: `frame verdict rule service server reason`, tab-separated under a header line, or JSON objects. */
#pragma once

#include <stdbool.h>

#include "runtime/report/text.h"

/* Write the header, if any. described: the lines describe the packet in words. */
/* would: the program has audit, and the lines have a column for results without it; labels->would is set. */
void verdicts_begin(FILE *out, bool would, bool json, bool described);
/* Write a line. labels: of the judging program; packet: in words, or NULL. */
void verdicts_line(FILE *out, const struct labels *labels, bool json, uint64_t frame, const struct verdict *v,
                   const char *packet);
/* Write the decider: "accept by SSH (old.prey:5), to web/one". verdict_place returns FILE:LINE, "" without a file. */
void verdict_text(FILE *out, const struct labels *labels, const struct verdict *v);
const char *verdict_place(const struct labels *labels, const struct verdict *v);
