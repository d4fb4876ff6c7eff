/* Functions shared by the parts of the page. */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Begin a section, which the caller ends. id and heading are markup. */
void page_section(FILE *out, const char *id, const char *heading);

/* A column of a table: its heading, and the pattern of a row's cell, or NULL and the function that writes its
 * content. A heading with a leading `#` belongs to numbers, one with a leading `*` to a wide column. The first
 * column names the row. */
struct column {
    const char *head; /* heading of the column; NULL: end of the columns */
    const char *cell;
    void (*write)(FILE *out, const cJSON *row);
};
/* Patterns of cells: text, a number, a rate. */
#define CELL_TEXT(key)   "{" key "}"
#define CELL_NUMBER(key) "{?" key " {#" key "}}{!" key " <span class=\"zero\">0</span>}"
#define CELL_RATE(key)   "{?" key " {^" key "}}{!" key " <span class=\"zero\">{^" key "}</span>}"
/* A cell for which there is no figure. */
#define CELL_NONE "<span class=\"zero\">–</span>"
/* Begin a table. Its columns are aligned with those of all tables that have as many. On a narrow page, a table with
 * more than three columns shows each row as a card. label is markup. */
void page_table(FILE *out, const char *id, const char *label, const struct column *columns);
void page_row(FILE *out, const cJSON *row, const struct column *columns);
void page_table_end(FILE *out);
/* Write a table with a row for each element of the list. */
void page_list(FILE *out, const char *id, const char *label, const struct column *columns, const cJSON *list);

/* Write a number as in CELL_NUMBER. */
void page_count(FILE *out, uint64_t n);

/* True if left by an earlier program and without flows, so that it is no longer of interest. */
bool page_is_past(const cJSON *one);
/* Return the number of a pool's servers that its checks, or facts of the machine, have found down. Servers set by
 * hand do not count. */
unsigned page_down(const cJSON *pool);

/* Numbers of the alerts at the top of the page. */
struct alerts {
    unsigned down, servers; /* number of servers that are down, and of all servers */
    unsigned bad, warn;     /* number of alerts of either kind */
};
/* Count the alerts and, if out is not NULL, write them as a list. */
struct alerts page_alerts(FILE *out, const cJSON *root);

/* Write the sections of the page. */
void page_services(FILE *out, const cJSON *root);
void page_proxy(FILE *out, const cJSON *root);    /* write nothing without a proxy */
void page_sets(FILE *out, const cJSON *root);     /* write nothing without a live set */
void page_observed(FILE *out, const cJSON *root); /* write nothing if no service watches */
void page_rules(FILE *out, const cJSON *root);    /* write rules, and those in audit */
void page_copies(FILE *out, const cJSON *root);   /* write nothing if no rule copies */
void page_drops(FILE *out, const cJSON *root);
void page_machine(FILE *out, const cJSON *root);
void page_events(FILE *out, const cJSON *root);

/* Chart of the traffic by verdict over the last minutes, as SVG in the page. */
/* Write the chart of the document's `history`, which is null during the first second. */
void chart_write(FILE *out, const cJSON *root);

/* Histogram of a duration, drawn in the page with a bar for each bound. */
/* Write the histogram. took: member of the document, such as proxy.took.connect; empty: draws nothing. name: markup. */
void histogram_write(FILE *out, const char *name, const cJSON *took);
