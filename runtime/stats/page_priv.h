/* Functions shared by the parts of the page. */
#pragma once

#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdio.h>

/* Begin a section, which the caller ends. id and heading are markup. */
void page_section(FILE *out, const char *id, const char *heading);

/* A column of a table: its heading, with a leading `#` for numbers, and the pattern of a row's cell, or NULL and the
 * function that writes it. */
struct column {
    const char *head; /* NULL: end of the columns */
    const char *cell;
    void (*write)(FILE *out, const cJSON *row);
};
/* Patterns of cells: text, the name of the row, a number, a rate. */
#define CELL_TEXT(key)   "<td>{" key "}</td>"
#define CELL_NAME(key)   "<th scope=\"row\">{" key "}</th>"
#define CELL_NUMBER(key) "<td class=\"n{!" key "  zero}\">{#" key "}</td>"
#define CELL_RATE(key)   "<td class=\"n{!" key "  zero}\">{^" key "}</td>"
void page_table(FILE *out, const char *id, const char *label, const struct column *columns);
void page_row(FILE *out, const cJSON *row, const struct column *columns);
void page_table_end(FILE *out);
/* Write a table with a row for each element of the list. */
void page_list(FILE *out, const char *id, const char *label, const struct column *columns, const cJSON *list);

/* Write a number's cell. */
void page_count(FILE *out, uint64_t n);

/* Sections. */
void page_services(FILE *out, const cJSON *root);
void page_proxy(FILE *out, const cJSON *root);    /* nothing without a proxy */
void page_sets(FILE *out, const cJSON *root);     /* nothing where there is no live set */
void page_observed(FILE *out, const cJSON *root); /* nothing where no service watches */
void page_copies(FILE *out, const cJSON *root);   /* nothing where no rule copies */
void page_machine(FILE *out, const cJSON *root);
void page_events(FILE *out, const cJSON *root);

/* Chart of the traffic by verdict over the last minutes, as SVG in the page. */
/* Write the chart. history: member of the document; null during the first second. */
void chart_write(FILE *out, const cJSON *history);

/* Histogram of a duration, drawn in the page with a bar for each bound. */
/* Write the histogram. took: member of the document, such as proxy.took.connect; empty: draws nothing. name: markup. */
void histogram_write(FILE *out, const char *name, const cJSON *took);
