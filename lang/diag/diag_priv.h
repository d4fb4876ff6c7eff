/* Shared by the collector (diag.c) and the printers (print_text.c, sarif.c). */
#pragma once

#include "lang/diag/diag.h"

/* A second place of a diagnostic. */
struct note {
    struct note *next;
    struct span span;
    char *text;
};

/* An edit: `text` in place of `span`. */
struct suggestion {
    struct suggestion *next;
    struct span span;
    char *text;
    const char *why; /* reason printed behind the edit */
    bool guess;
};

/* The place of a diagnostic in a file other than prey source. */
struct foreign {
    char *path, *line_text;
    unsigned line, col, len;
};

struct entry {
    enum diag_code code;
    struct span span;
    uint32_t seq;      /* order of arrival, for a stable sort */
    char *text, *help; /* help: sentence beside the carets; NULL: none */
    struct suggestion *suggestions;
    struct foreign *foreign;
    struct note *notes, *last_note;
};

/* A span in which a file allows a warning. */
struct allowed {
    struct span within;
    enum diag_code code;
};

struct diags {
    struct sources *sources;
    struct entry *entries;
    uint32_t count, cap;
    uint32_t *seen; /* open-addressed table of entry index + 1, by code and span */
    uint32_t seen_cap;
    struct allowed *allowed;
    uint32_t allowed_count;
    bool everywhere[DIAG_COUNT]; /* codes allowed in all files */
    uint32_t stopped_files;      /* number of files in which the parser gave up after many errors */
    unsigned errors, warnings;
    bool werror, ignoring; /* ignoring: the last diagnostic was a repetition, so its notes are dropped */
};

/* Return the last diagnostic, to add to it; NULL: a repetition. */
struct entry *diag_last(struct diags *d);

struct diag_row {
    const char *code, *title, *explain, *wrong, *right;
    enum diag_severity severity;
};
extern const struct diag_row diag_rows[DIAG_COUNT];

enum diag_severity diag_severity_of(const struct diags *d, const struct entry *e);
/* Sort by place: sources in reading order, then other files, then diagnostics without a place. */
void diags_sort(struct diags *d);
