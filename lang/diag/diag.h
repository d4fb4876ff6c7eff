/* Diagnostics: one table of codes (diag.def), collected during a compile, sorted by place, printed as text or JSON.
 *
 *   diag(d, E_NO_SUCH_SET, name->span, "no set is called `%s`", ...)   adds one
 *   diag_note(d, span, fmt, ...)                                        adds a second place to the last one
 *   diag_guess(d, span, fmt, ...)                                       "did you mean ...?" beside the carets
 *
 * Nothing is printed until diag_print_*: so errors of all stages come out sorted, and the 21st is a count. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "lang/source.h"

enum diag_code {
#define DIAG(ident, code, severity, title, explain, wrong, right) ident,
#include "lang/diag/diag.def"
    DIAG_COUNT
};

enum diag_severity { DIAG_WARNING, DIAG_ERROR };

struct diags;

struct diags *diags_new(struct sources *sources);
void diags_free(struct diags *d);

/* Add one. A span of SPAN_NONE prints the message without a place. Identical reports (code and span) are kept once. */
void diag(struct diags *d, enum diag_code code, struct span span, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* At a line of a file that is not a prey source (an address file): printed as path:line:col with the line's text. */
void diag_at(struct diags *d, enum diag_code code, const char *path, unsigned line, unsigned col, unsigned len,
             const char *line_text, const char *fmt, ...) __attribute__((format(printf, 8, 9)));
void diag_note(struct diags *d, struct span span, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* From diags_allow_begin on warnings of that code that begin in the span are neither kept nor counted. One from byte 0
 * on is the whole file's: those of address files, and those without a place, go by file 0, the main one. Spans that
 * begin elsewhere do not overlap. */
void diags_allow(struct diags *d, struct span within, enum diag_code code);
void diags_allow_begin(struct diags *d);
/* The same of all files, and at once. */
void diags_allow_everywhere(struct diags *d, enum diag_code code);
bool diags_allowed(const struct diags *d, enum diag_code code, struct span span);

/* Suggest an edit for the last one added: the text may stand in place of `span` (SPAN_NONE: of the diagnostic's own).
 * Several are alternatives. The words beside the carets are made of them: "write `X` or `Y`", "add `X`" where the span
 * is empty, "remove it" where the text is. JSON and SARIF carry the edits. */
void diag_suggest(struct diags *d, struct span span, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static inline void diag_suggest_removal(struct diags *d, struct span span) { diag_suggest(d, span, "%s", ""); }
/* The same of the diagnostic's own span, with what it is for behind it: "write `5s` for seconds". `why` begins with a
 * blank or a comma, and must live as long. */
void diag_suggest_for(struct diags *d, const char *why, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same where a slip of the pen is likely: "did you mean `X`?" */
void diag_guess(struct diags *d, struct span span, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A sentence beside the carets instead of the one that suggestions make. */
void diag_advise(struct diags *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* In one file, or in all together, the parser gives up after this many errors: garbage stays fast, and small in memory.
 */
#define DIAG_FILE_MAX 1000u

/* Say in the final line that the rest of a file was not read for its many errors. */
void diags_stopped(struct diags *d);
unsigned diags_errors(const struct diags *d);
unsigned diags_warnings(const struct diags *d);
/* From now on warnings count as errors (--werror). */
void diags_werror(struct diags *d, bool on);

/* The first 20 as text and a line with the number left. Colour when `colour`. */
void diags_print_text(struct diags *d, FILE *out, bool colour);

/* Text as a terminal may have it: controls and what is not UTF-8 become `?`, a line break a blank. */
void diag_put_text(const char *s, FILE *out);
/* All of them, as one JSON document {"diagnostics":[...],"errors":N,"warnings":N}, with more members where `more`
 * prints `,"name":value...`; NULL: none. */
void diags_print_json_with(struct diags *d, FILE *out, void (*more)(void *arg, FILE *out), void *arg);

/* All of them, as a SARIF 2.1.0 log with one run of `tool`. */
void diags_print_sarif(struct diags *d, const char *tool, const char *version, FILE *out);

/* The diagnostic of that code, in any case of letters; DIAG_COUNT: there is none. */
enum diag_code diag_of_code(const char *code);
bool diag_is_warning(enum diag_code code);

/* `preyc --explain E0104`: a paragraph, a wrong and a right example. Returns -ENOENT for an unknown code. */
int diag_explain(const char *code, FILE *out);

/* The nearest of `n` candidates to `name` by edit distance, only if close (at most a third of its length, at least
 * one edit); NULL if none is. */
const char *diag_nearest(const char *name, const char *const *candidates, size_t n);
