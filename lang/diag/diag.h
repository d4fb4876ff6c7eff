/* Diagnostics: one table of codes (diag.def), collected during a compile, sorted by place, printed as text or JSON.
 *
 *   diag(d, E_NO_SUCH_SET, name->span, "no set is called `%s`", ...)   adds a diagnostic
 *   diag_note(d, span, fmt, ...)                                        adds a second place to the last diagnostic
 *   diag_guess(d, span, fmt, ...)                                       "did you mean ...?" beside the carets
 *
 * Printing waits for diag_print_*, so that errors of all stages come out sorted, and those past the 20th as a count. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "lang/sources.h"

enum diag_code {
#define DIAG(ident, code, severity, title, explain, wrong, right) ident,
#include "lang/diag/diag.def"
    DIAG_COUNT
};

enum diag_severity { DIAG_WARNING, DIAG_ERROR };

struct diags;

struct diags *diags_new(struct sources *sources);
void diags_free(struct diags *d);

/* Add a diagnostic. With SPAN_NONE it has no place. Repetitions (same code and span) are dropped. */
void diag(struct diags *d, enum diag_code code, struct span span, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Add a diagnostic at a line of a file other than prey source (an address file): printed as path:line:col with the
 * line's text. */
void diag_at(struct diags *d, enum diag_code code, const char *path, unsigned line, unsigned col, unsigned len,
             const char *line_text, const char *fmt, ...) __attribute__((format(printf, 8, 9)));
void diag_note(struct diags *d, struct span span, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* From diags_allow_begin on, drop warnings of that code that begin in the span. A span from byte 0 on covers the whole
 * file; warnings without a place, and those of address files, count as file 0, the main file. Other spans do not
 * overlap. */
void diags_allow(struct diags *d, struct span within, enum diag_code code);
void diags_allow_begin(struct diags *d);
/* The same for all files, effective at once. */
void diags_allow_everywhere(struct diags *d, enum diag_code code);
bool diags_allowed(const struct diags *d, enum diag_code code, struct span span);

/* Suggest an edit for the last diagnostic: the text may replace `span` (SPAN_NONE: the diagnostic's own). Several edits
 * are alternatives. They make the words beside the carets: "write `X` or `Y`", "add `X`" if the span is empty, "remove
 * it" if the text is empty. JSON and SARIF carry the edits. */
void diag_suggest(struct diags *d, struct span span, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static inline void diag_suggest_removal(struct diags *d, struct span span) { diag_suggest(d, span, "%s", ""); }
/* The same for the diagnostic's own span, with a reason behind the edit: "write `5s` for seconds". `why` begins with a
 * blank or a comma, and must live as long as the diagnostic. */
void diag_suggest_for(struct diags *d, const char *why, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same for a likely typing mistake: "did you mean `X`?" */
void diag_guess(struct diags *d, struct span span, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Put a sentence beside the carets instead of the one made from suggestions. */
void diag_advise(struct diags *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Most errors in one file, or in all files together. The parser then gives up, which bounds time and memory. */
#define DIAG_FILE_MAX 1000u

/* Report in the final line that the rest of a file was not read because of its many errors. */
void diags_stopped(struct diags *d);
unsigned diags_errors(const struct diags *d);
unsigned diags_warnings(const struct diags *d);
/* Count later warnings as errors if `on` (--werror). */
void diags_werror(struct diags *d, bool on);

/* Print the first 20 as text, and a line with the number of the others. */
void diags_print_text(struct diags *d, FILE *out, bool colour);

/* Print text safely for a terminal: controls and invalid UTF-8 become `?`, a line break a blank. */
void diag_put_text(const char *s, FILE *out);
/* Print all as one JSON document {"diagnostics":[...],"errors":N,"warnings":N}; `more`, unless NULL, prints further
 * members, `,"name":value...`. */
void diags_print_json_with(struct diags *d, FILE *out, void (*more)(void *arg, FILE *out), void *arg);

/* Print all as a SARIF 2.1.0 log with one run of `tool`. */
void diags_print_sarif(struct diags *d, const char *tool, const char *version, FILE *out);

/* Return the diagnostic with that code, in any case of letters; DIAG_COUNT: none. */
enum diag_code diag_of_code(const char *code);
bool diag_is_warning(enum diag_code code);

/* Print `preyc --explain E0104`: a paragraph, a wrong and a right example. Return -ENOENT for an unknown code. */
int diag_explain(const char *code, FILE *out);

/* Return the candidate nearest to `name` by edit distance, if it is close (at least one edit, at most a third of its
 * length); else NULL. */
const char *diag_nearest(const char *name, const char *const *candidates, size_t n);
