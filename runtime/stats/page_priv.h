/* What the parts of the page share. */
#pragma once

#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdio.h>

/* A section is open until the caller ends it; id and heading are markup. */
void page_section(FILE *out, const char *id, const char *heading);
void page_table(FILE *out, const char *id, const char *label, const char *const heads[], unsigned count);
void page_table_end(FILE *out);

/* Cells. Rates that are not known are a dash. */
void page_text(FILE *out, const char *text);
void page_name(FILE *out, const char *text); /* the row's */
void page_time(FILE *out, const char *iso);  /* "2024-03-01T09:14:03Z" */
void page_number(FILE *out, uint64_t n);
void page_rate(FILE *out, const cJSON *of, const char *key);
void page_bits(FILE *out, const cJSON *of, const char *key);

/* Sections. */
void page_services(FILE *out, const cJSON *root);
void page_proxy(FILE *out, const cJSON *root); /* nothing where there is no proxy */
void page_machine(FILE *out, const cJSON *root);
void page_events(FILE *out, const cJSON *root);
