/* Functions shared by the parts of the page. */
#pragma once

#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdio.h>

/* Begin a section, which the caller ends. id and heading are markup. */
void page_section(FILE *out, const char *id, const char *heading);

/* A column of a table: its heading, with a leading `#` for numbers, and the function that writes a row's cell. */
struct column {
    const char *head; /* NULL: end of the columns */
    void (*cell)(FILE *out, const cJSON *row, const char *key);
    const char *key;
};
void page_table(FILE *out, const char *id, const char *label, const struct column *columns);
void page_cells(FILE *out, const cJSON *row, const struct column *columns);
void page_row(FILE *out, const cJSON *row, const struct column *columns);
void page_table_end(FILE *out);
/* Write a table with a row for each element of the list. */
void page_list(FILE *out, const char *id, const char *label, const struct column *columns, const cJSON *list);

/* Cells of a row. Unknown rates are a dash. */
void page_text(FILE *out, const cJSON *row, const char *key);
void page_name(FILE *out, const cJSON *row, const char *key); /* name of the row */
void page_key(FILE *out, const cJSON *row, const char *key);  /* name of the row as the key of its object */
void page_time(FILE *out, const cJSON *row, const char *key); /* time from "2024-03-01T09:14:03Z" */
void page_number(FILE *out, const cJSON *row, const char *key);
void page_rate(FILE *out, const cJSON *row, const char *key);
void page_bits(FILE *out, const cJSON *row, const char *key);
void page_count(FILE *out, uint64_t n);

/* Sections. */
void page_services(FILE *out, const cJSON *root);
void page_proxy(FILE *out, const cJSON *root);    /* nothing without a proxy */
void page_observed(FILE *out, const cJSON *root); /* nothing where no service watches */
void page_copies(FILE *out, const cJSON *root);   /* nothing where no rule copies */
void page_machine(FILE *out, const cJSON *root);
void page_events(FILE *out, const cJSON *root);
