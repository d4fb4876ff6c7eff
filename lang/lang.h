/* Public interface of lang/: text to tree. */
#pragma once

#include "lang/arena.h"
#include "lang/diag/diag.h"
#include "lang/format/format.h"
#include "lang/lex/value_text.h"
#include "lang/sources.h"
#include "lang/tree/ast.h"
#include "lang/tree/dump.h"
#include "lang/tree/value.h"

/* Read, lex and parse `path` (a file, a pipe, or standard input for "-") and everything it includes (each file once;
 * cycles are an error that shows the chain). Errors go to `d`; the tree holds every statement that could be parsed, so
 * later stages can report theirs in the same run. Return the N_FILE node of the main file, or NULL with errno set only
 * if the main file cannot be read. */
struct node *lang_parse(struct arena *arena, struct sources *sources, struct diags *d, const char *path);

/* The same for text in memory, named `name`; includes are relative to the name's directory. */
struct node *lang_parse_text(struct arena *arena, struct sources *sources, struct diags *d, const char *name,
                             const char *text, size_t len);

/* Read a rule file, a pipe, or standard input for "-". Return its index in `sources`, or a negative errno; -EFBIG is
 * reported in `d`. */
int lang_read(struct sources *sources, struct diags *d, const char *path);
