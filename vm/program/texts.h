/* Texts that clients send, exact or with `*` at the end for all that begin so: their order, and membership in a list of
 * them. Paths, methods, protocols and values of header fields are compared byte by byte, in the case they are written
 * in.
 *
 * A list is in order (text_compare) and holds nothing that one of its globs covers. All that a glob covers stands right
 * behind it in that order, so the last entry at or before a text is the only one that may match it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "vm/program/program.h"

/* Bytes in order, a glob by what stands before its `*`; of two that are alike the glob first. <0, 0, >0. */
int text_compare(const char *a, const char *b);

/* Is the text, or all that the glob `text` covers, covered by `glob`? Not by itself, and never by what is no glob. */
bool text_covers(const char *glob, const char *text);

/* Is the text in the list? texts_match_plain looks at each entry: the rule list's way. */
bool texts_match(const struct program *p, uint32_t list, const char *text, size_t len);
bool texts_match_plain(const struct program *p, uint32_t list, const char *text, size_t len);
