/* What the rest of the tree may use of lang/: text to tree. */
#pragma once

#include "lang/arena.h"
#include "lang/ast.h"
#include "lang/diag.h"
#include "lang/source.h"
#include "lang/value.h"

/* Read, lex and parse `path` (a file, a pipe, or standard input for "-") and everything it includes (each file once;
 * cycles are an error that shows the chain). Errors go to `d`; the tree holds every statement that could be parsed, so
 * later stages can report theirs in the same run. Returns the N_FILE node of the main file, or NULL with errno set only
 * if the main file cannot be read. */
struct node *lang_parse(struct arena *arena, struct sources *sources, struct diags *d, const char *path);

/* The same for text in memory, named `name`; includes are relative to the name's directory. */
struct node *lang_parse_text(struct arena *arena, struct sources *sources, struct diags *d, const char *name,
                             const char *text, size_t len);

/* Read a rule file, a pipe, or standard input for "-". Its index in `sources`, or a negative errno; -EFBIG is
 * reported in `d`. */
int lang_read(struct sources *sources, struct diags *d, const char *path);

/* The text of a source, formatted: other blanks and line breaks, the same tokens and comments, the same tree. Includes
 * are not followed. Returns 0 with *out malloc'd and NUL-terminated; -EINVAL after syntax errors, which are in `d`;
 * -EPROTO if the result would not be the same program, which is a fault of the formatter. */
int lang_format(struct sources *sources, struct diags *d, uint32_t file, char **out, size_t *len);

/* `02-00-00-00-00-01` and `0200.0000.0001` as a rule file has it, with colons; in the arena. NULL: it is no MAC. */
const char *mac_meant(struct arena *arena, const char *s, size_t len);

/* Print the tree, indented, one node a line: kind, payload, line:col. */
void lang_dump(const struct node *tree, struct sources *sources, FILE *out);
