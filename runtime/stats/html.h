/* Parts of HTML. */
#pragma once

#include <stdint.h>
#include <stdio.h>

struct cJSON;

/* Write text with all markup escaped; also valid inside quotes of an attribute. */
void html_text(FILE *out, const char *s);
/* Write 18,204. */
void html_number(FILE *out, uint64_t n);
/* Write "18.2 M", with at least three digits, for numbers that change while shown. */
void html_short(FILE *out, uint64_t n);
/* Write bytes per second as bits per second, "57.1 kbit/s", with at least three digits. */
void html_bits(FILE *out, uint64_t bytes_per_s);
/* Fill a pattern (report/document/fill.h) in HTML: text is escaped, moments are UTC. */
void html_fill(FILE *out, const struct cJSON *of, const char *pattern);
