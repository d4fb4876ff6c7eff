/* What the parts of the page share. */
#pragma once

#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdio.h>

/* A section is open until the caller ends it; id and heading are markup. */
void page_section(FILE *out, const char *id, const char *heading);

/* A column of a table: its heading, which begins with `#` where it is of numbers, and the cell of a row's member. */
struct column {
    const char *head; /* NULL: the one before was the last */
    void (*cell)(FILE *out, const cJSON *row, const char *key);
    const char *key;
};
void page_table(FILE *out, const char *id, const char *label, const struct column *columns);
void page_cells(FILE *out, const cJSON *row, const struct column *columns);
void page_row(FILE *out, const cJSON *row, const struct column *columns);
void page_table_end(FILE *out);
/* A table with a row for each. */
void page_list(FILE *out, const char *id, const char *label, const struct column *columns, const cJSON *list);

/* Cells. Rates that are not known are a dash. */
void page_text(FILE *out, const cJSON *row, const char *key);
void page_name(FILE *out, const cJSON *row, const char *key); /* the row's */
void page_key(FILE *out, const cJSON *row, const char *key);  /* that, where it is the key of its object */
void page_time(FILE *out, const cJSON *row, const char *key); /* of "2024-03-01T09:14:03Z" */
void page_number(FILE *out, const cJSON *row, const char *key);
void page_rate(FILE *out, const cJSON *row, const char *key);
void page_bits(FILE *out, const cJSON *row, const char *key);
void page_count(FILE *out, uint64_t n);

/* Sections. */
void page_services(FILE *out, const cJSON *root);
void page_proxy(FILE *out, const cJSON *root); /* nothing where there is no proxy */
void page_machine(FILE *out, const cJSON *root);
void page_events(FILE *out, const cJSON *root);
